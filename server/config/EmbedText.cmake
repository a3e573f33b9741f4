# Makes a C file that holds a text file: cmake -DINPUT=... -DOUTPUT=... -DNAME=... -P EmbedText.cmake
#
# The bytes are character constants: whatever the text holds, nothing of it has to be escaped.

file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REPEAT "......." 16 line) # 16 constants of 7 characters
string(REGEX REPLACE "(${line})" "    \\1\n" bytes "${bytes}")
get_filename_component(source ${INPUT} NAME)
file(WRITE ${OUTPUT}
    "/* Made from ${source}. */\n"
    "extern const char ${NAME}[];\n"
    "const char ${NAME}[] = {\n${bytes}'\\0'};\n")
