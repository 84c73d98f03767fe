// SPDX-License-Identifier: Apache-2.0
// Text in nginx's language, through grammar, rows, IR and validation.
#include "tests/fuzz/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weir::fuzz::check_configuration({reinterpret_cast<const char*>(data), size},
                                    weir::Dialect::nginx);
    return 0;
}
