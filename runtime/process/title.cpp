// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/title.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace weir::process {

namespace {

char* area = nullptr;
std::size_t area_size = 0;
std::string original;   // NUL-separated, as it was

}  // namespace

void keep_title_space(int argc, char** argv) {
    if (argc == 0) return;
    area = argv[0];
    char* end = argv[0];
    for (int i = 0; i < argc; ++i)
        if (argv[i] == end || i == 0) end = argv[i] + std::strlen(argv[i]) + 1;
    original.assign(area, end);
    // The kernel shows what follows the arguments when the last byte of them is not NUL, so the room
    // of the environment can be used too; the variables move to the heap, for good.
    static auto& texts = *new std::vector<std::string>;   // outlive every exit handler
    static auto& moved = *new std::vector<char*>;
    for (char** one = environ; *one; ++one) {
        if (*one == end) end += std::strlen(*one) + 1;
        texts.emplace_back(*one);
    }
    for (auto& text : texts) moved.push_back(text.data());
    moved.push_back(nullptr);
    environ = moved.data();
    area_size = static_cast<std::size_t>(end - area);
}

void set_title(std::string_view title) {
    if (area_size < 2) return;
    const std::size_t length = std::min(title.size(), area_size - 1);
    std::memcpy(area, title.data(), length);
    std::memset(area + length, 0, area_size - length);
}

void set_comm(const std::string& name) { ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0); }

std::string command_line() {
    std::string line = original.substr(0, original.empty() ? 0 : original.size() - 1);
    std::replace(line.begin(), line.end(), '\0', ' ');
    return line;
}

}  // namespace weir::process
