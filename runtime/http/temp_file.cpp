// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/temp_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace weir::http {

TempFile::~TempFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    if (stay_ == Stay::with_me) ::unlink(path_.c_str());
}

bool TempFile::open(const std::string& folder) {
    const std::string place = folder.empty() ? "/tmp" : folder;
    path_ = place + "/weir-body-XXXXXX";
    fd_ = ::mkostemp(path_.data(), O_CLOEXEC);
    if (fd_ < 0 && errno == ENOENT && ::mkdir(place.c_str(), 0700) == 0) return open(folder);
    if (fd_ < 0) return false;
    if (stay_ == Stay::nameless) ::unlink(path_.c_str());
    return true;
}

bool TempFile::append(std::string_view bytes, const std::string& folder) {
    if (fd_ < 0 && !open(folder)) return false;
    while (!bytes.empty()) {
        auto wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        size_ += static_cast<std::uint64_t>(wrote);
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

bool FileBody::ready(Piece& piece) {
    piece = {};
    constexpr std::size_t block = 65536;
    buffer_.acquire(block);
    buffer_.clear();
    auto left = file_.size() - read_;
    while (left != 0) {
        auto most = std::min<std::uint64_t>(left, buffer_.room_size());
        auto got = ::pread(file_.fd(), buffer_.room(), most, static_cast<off_t>(read_));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            piece.state = BodyState::failed;
            piece.error = got < 0 ? errno : EIO;
            return true;
        }
        buffer_.produced(static_cast<std::size_t>(got));
        read_ += static_cast<std::uint64_t>(got);
        piece.bytes = buffer_.view();
        break;
    }
    piece.last = ended();
    return true;
}

net::Task<Piece> FileBody::next(net::Time, net::Watch*) {
    Piece piece;
    ready(piece);
    co_return piece;
}

}  // namespace weir::http
