// SPDX-License-Identifier: Apache-2.0
// Fd: a file descriptor with an owner.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace weir::process {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }
    void reset(int fd = -1) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

// A descriptor that waits in a queue to be sent while its owner may already be gone.
using SharedFd = std::shared_ptr<Fd>;

}  // namespace weir::process
