// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/open_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace weir::exchange {

namespace {

using Links = ir::FileSettings::Links;

// One part of a name, in an open folder. A link that may not be followed is ELOOP.
int open_part(int folder, const char* name, int flags, Links links) {
    if (links == Links::refuse) return ::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    int fd = ::openat(folder, name, flags | O_CLOEXEC);
    if (fd < 0) return fd;
    struct stat link {}, target {};
    bool same = ::fstatat(folder, name, &link, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &target) == 0 &&
                (!S_ISLNK(link.st_mode) || link.st_uid == target.st_uid);
    if (same) return fd;
    ::close(fd);
    errno = ELOOP;
    return -1;
}

// Part for part, so that nobody can put a link in the way in between.
int open_by_parts(std::string_view path, int flags, Links links, std::size_t trusted) {
    char name[PATH_MAX];
    if (path.size() >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    // The trusted part ends at a slash.
    trusted = std::min(trusted, path.size());
    while (trusted > 0 && path[trusted - 1] != '/') --trusted;
    std::memcpy(name, path.data(), path.size());
    name[path.size()] = '\0';
    int folder = AT_FDCWD;
    if (trusted > 0) {
        char kept = std::exchange(name[trusted], '\0');
        folder = ::open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        name[trusted] = kept;
        if (folder < 0) return -1;
    } else if (path.starts_with('/')) {
        folder = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) return -1;
        trusted = 1;
    }
    char* at = name + trusted;
    for (;;) {
        while (*at == '/') ++at;
        char* end = std::strchr(at, '/');
        if (end) *end = '\0';
        const char* part = *at ? at : ".";
        int next = open_part(folder, part, end ? O_PATH | O_DIRECTORY : flags, links);
        int error = errno;
        if (folder >= 0) ::close(folder);
        if (next < 0 || !end) {
            errno = error;
            return next;
        }
        folder = next;
        at = end + 1;
    }
}

}  // namespace

OpenFile::~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
}

OpenFile open_file(std::string_view path, Links links, std::size_t trusted) {
    OpenFile file;
    // O_NONBLOCK: a FIFO without a writer must not stop the worker.
    constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
    file.fd_ = links == Links::follow ? ::open(path.data(), flags | O_CLOEXEC)
                                      : open_by_parts(path, flags, links, trusted);
    if (file.fd_ < 0 || ::fstat(file.fd_, &file.facts) != 0) file.error = errno;
    return file;
}

int look_at(std::string_view path, Links links, std::size_t trusted, struct stat& facts) {
    if (links == Links::follow) return ::stat(path.data(), &facts) == 0 ? 0 : errno;
    auto file = open_file(path, links, trusted);
    facts = file.facts;
    return file.error;
}

std::uint16_t status_of_file_error(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ENAMETOOLONG: return 404;
        case EACCES:
        case ELOOP:
        case EMLINK: return 403;
        default: return 500;
    }
}

}  // namespace weir::exchange
