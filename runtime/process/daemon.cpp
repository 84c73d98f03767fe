// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/daemon.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace weir::process {

namespace {

std::string reason(const std::string& call, const std::string& path) {
    return fmt::format("{} \"{}\" failed ({}: {})", call, path, errno, std::strerror(errno));
}

}  // namespace

Expected<void, std::string> Background::enter() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return Unexpected{fmt::format("pipe2() failed ({}: {})", errno, std::strerror(errno))};
    Fd reader(ends[0]), writer(ends[1]);
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0)
        return Unexpected{fmt::format("fork() failed ({}: {})", errno, std::strerror(errno))};
    if (child == 0) {
        ::setsid();
        word_ = std::move(writer);
        return {};
    }
    writer.reset();
    unsigned char status = 1;
    ssize_t got = -1;
    do got = ::read(reader.get(), &status, 1);
    while (got < 0 && errno == EINTR);
    // _exit: nothing of what the child now owns (sockets, paths) may be cleaned up here.
    ::_exit(got == 1 ? status : 1);
}

void Background::release(int status, int log_fd) {
    if (!word_) return;
    if (status == 0) {
        Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        if (null) {
            ::dup2(null.get(), STDIN_FILENO);
            ::dup2(null.get(), STDOUT_FILENO);
            ::dup2(log_fd >= 0 ? log_fd : null.get(), STDERR_FILENO);
        }
    }
    const auto byte = static_cast<unsigned char>(status);
    while (::write(word_.get(), &byte, 1) < 0 && errno == EINTR) {}
    word_.reset();
}

Expected<void, std::string> write_pid_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file) return Unexpected{reason("open()", path)};
    const std::string text = fmt::format("{}\n", ::getpid());
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return Unexpected{reason("write()", path)};
    return {};
}

Expected<pid_t, std::string> read_pid_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return Unexpected{reason("open()", path)};
    char text[32];
    const ssize_t got = ::read(file.get(), text, sizeof text);
    pid_t pid = 0;
    if (got > 0) std::from_chars(text, text + got, pid);
    if (pid <= 0) return Unexpected{fmt::format("invalid PID number in \"{}\"", path)};
    return pid;
}

void remove_pid_file(const std::string& path) {
    auto pid = read_pid_file(path);
    if (pid && *pid == ::getpid()) ::unlink(path.c_str());
}

}  // namespace weir::process
