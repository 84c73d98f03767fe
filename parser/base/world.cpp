// SPDX-License-Identifier: Apache-2.0
// The real machine behind a SourceSet: the only file of parser/ that makes system calls.
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "parser/base/source_set.hpp"

namespace weir {

namespace {

SourceError from_errno(int code) { return {code, std::strerror(code)}; }

bool has_wildcard(std::string_view pattern) {
    return pattern.find_first_of("*?[") != std::string_view::npos;
}

// A device or pipe would give endless or different bytes each time; such a file is not a source.
constexpr std::size_t largest_file = std::size_t{1} << 30;

}  // namespace

Expected<std::string, SourceError> LiveWorld::read(const std::string& path, Purpose) {
    // O_NONBLOCK: opening a FIFO must not hang the test of a configuration.
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return Unexpected{from_errno(errno)};
    struct stat about {};
    std::string bytes;
    int failure = 0;
    if (::fstat(fd, &about) != 0) {
        failure = errno;
    } else if (S_ISDIR(about.st_mode)) {
        failure = EISDIR;
    } else {
        const bool is_pipe = S_ISFIFO(about.st_mode);
        bytes.reserve(static_cast<std::size_t>(about.st_size) + 1);
        constexpr int pause_ms = 20;
        int waits = 50;
        char block[65536];
        for (;;) {
            ssize_t got = ::read(fd, block, sizeof block);
            if (got < 0 && errno == EINTR) continue;
            // Who writes the pipe may be about to.
            bool early = is_pipe && bytes.empty() && (got == 0 || (got < 0 && errno == EAGAIN));
            bool late = is_pipe && got < 0 && errno == EAGAIN;
            if ((early || late) && waits-- > 0) {
                pollfd pipe{fd, POLLIN, 0};
                ::poll(&pipe, 1, pause_ms);
                if (pipe.revents == POLLHUP) ::poll(nullptr, 0, pause_ms);
                continue;
            }
            if (got < 0) failure = errno;
            if (got <= 0) break;
            bytes.append(block, static_cast<std::size_t>(got));
            if (bytes.size() > largest_file) {
                failure = EFBIG;
                break;
            }
        }
    }
    ::close(fd);
    if (failure != 0) return Unexpected{from_errno(failure)};
    return bytes;
}

Expected<std::vector<std::string>, SourceError> LiveWorld::glob(const std::string& pattern) {
    if (!has_wildcard(pattern)) return std::vector<std::string>{pattern};
    glob_t found{};
    int outcome = ::glob(pattern.c_str(), 0, nullptr, &found);
    std::vector<std::string> paths;
    if (outcome == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    if (outcome != 0 && outcome != GLOB_NOMATCH)
        return Unexpected{SourceError{EIO, "the folder cannot be listed"}};
    return paths;
}

Expected<std::vector<std::string>, SourceError> LiveWorld::list(const std::string& folder) {
    DIR* handle = ::opendir(folder.c_str());
    if (!handle) return Unexpected{from_errno(errno)};
    std::vector<std::string> paths;
    while (const dirent* entry = ::readdir(handle)) {
        std::string_view name = entry->d_name;
        if (!name.starts_with('.') && name.ends_with(".cfg"))
            paths.push_back(folder + "/" + std::string(name));
    }
    ::closedir(handle);
    std::sort(paths.begin(), paths.end());
    return paths;
}

Expected<std::vector<IpAddress>, SourceError> LiveWorld::resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    // No IPv6 addresses on a machine without IPv6: "localhost" is then one server and not two.
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    int outcome = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (outcome != 0) return Unexpected{SourceError{ENOENT, ::gai_strerror(outcome)}};
    std::vector<IpAddress> found;
    for (const addrinfo* entry = list; entry; entry = entry->ai_next) {
        IpAddress address;
        if (entry->ai_family == AF_INET) {
            address.family = IpAddress::Family::v4;
            std::memcpy(address.bytes,
                        &reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr, 4);
        } else if (entry->ai_family == AF_INET6) {
            address.family = IpAddress::Family::v6;
            std::memcpy(address.bytes,
                        &reinterpret_cast<const sockaddr_in6*>(entry->ai_addr)->sin6_addr, 16);
        } else {
            continue;
        }
        if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
    }
    ::freeaddrinfo(list);
    return found;
}

std::optional<std::string> LiveWorld::environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

Expected<FileStamp, SourceError> LiveWorld::stamp(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return Unexpected{from_errno(errno)};
    if (!S_ISREG(about.st_mode)) return FileStamp{};
    constexpr std::int64_t second = 1'000'000'000;
    return FileStamp{about.st_dev, about.st_ino, about.st_mtim.tv_sec, about.st_mtim.tv_nsec,
                     about.st_ctim.tv_sec * second + about.st_ctim.tv_nsec, static_cast<std::uint64_t>(about.st_size)};
}

Expected<std::string, SourceError> OfflineWorld::read(const std::string& path, Purpose purpose) {
    if (purpose == Purpose::configuration) return LiveWorld::read(path, purpose);
    return Unexpected{SourceError{0, "left out by --offline"}};
}

Expected<std::vector<IpAddress>, SourceError> OfflineWorld::resolve(const std::string&) {
    return Unexpected{SourceError{0, "left out by --offline"}};
}

}  // namespace weir
