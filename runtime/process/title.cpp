// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/title.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

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
    static char** moved = nullptr;
    std::size_t count = 0;
    while (environ[count]) ++count;
    moved = new char*[count + 1];
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t size = std::strlen(environ[i]) + 1;
        if (environ[i] == end) end += size;
        moved[i] = static_cast<char*>(std::memcpy(new char[size], environ[i], size));
    }
    moved[count] = nullptr;
    environ = moved;
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
