// SPDX-License-Identifier: Apache-2.0
// Opening what a request names, and looking at it. Never waits for a reader or writer of a FIFO; links
// are followed as disable_symlinks says.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "parser/ir/files.hpp"

namespace weir::exchange {

// An open file and what it is, or why there is none.
class OpenFile {
public:
    OpenFile() = default;
    OpenFile(OpenFile&& other) noexcept
        : facts(other.facts), error(other.error), fd_(std::exchange(other.fd_, -1)) {}
    OpenFile& operator=(OpenFile&&) = delete;
    ~OpenFile();

    struct stat facts {};
    int error = 0;                      // errno; 0: it is open
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] bool is_folder() const { return S_ISDIR(facts.st_mode); }
    [[nodiscard]] bool is_regular() const { return S_ISREG(facts.st_mode); }
    // Hands the descriptor over.
    int release() { return std::exchange(fd_, -1); }

private:
    friend OpenFile open_file(std::string_view, ir::FileSettings::Links, std::size_t);
    int fd_ = -1;
};

// `path` ends in a NUL. The first `trusted` bytes of it may hold links whatever `links` says.
OpenFile open_file(std::string_view path, ir::FileSettings::Links links, std::size_t trusted);
// The same without keeping it open: 0 or errno.
int look_at(std::string_view path, ir::FileSettings::Links links, std::size_t trusted,
            struct stat& facts);

// The status that nginx gives for the errno of a file.
std::uint16_t status_of_file_error(int error);

}  // namespace weir::exchange
