# SPDX-License-Identifier: Apache-2.0
# Puts the reference into one page: cmake -DWEIR= -DLANGUAGE= -DSOURCE= -DPAGE= -P fill.cmake
execute_process(COMMAND ${WEIR} keywords ${LANGUAGE} --format man
    OUTPUT_VARIABLE WEIR_KEYWORDS COMMAND_ERROR_IS_FATAL ANY)
configure_file(${SOURCE} ${PAGE} @ONLY)
