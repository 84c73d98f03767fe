// SPDX-License-Identifier: Apache-2.0
// Layout: Head, key, vary, etag, head of the answer, body. The checksum is over all but itself and the
// body, whose length the head tells.
#include "runtime/cache/file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/base/hash.hpp"
#include "runtime/net/disk.hpp"

namespace weir::cache {

namespace {

struct Head {
    char magic[8];
    std::uint32_t sum, bytes;            // of the head and the texts behind it
    std::uint32_t key, vary, etag, head; // lengths of the texts
    std::uint64_t body;
    Facts facts;
};
static_assert(sizeof(Head) == sizeof(KeptFile::Rewrite::head) && alignof(Head) == 8);

constexpr char magic[8] = {'w', 'e', 'i', 'r', 'k', 'e', 'p', '1'};   // changes with the layout
constexpr std::uint32_t most_texts = 1u << 20;
constexpr std::size_t summed_from = offsetof(Head, bytes);

std::uint32_t sum_of(const char* head, std::size_t bytes) {
    return hash::crc32({head + summed_from, bytes - summed_from});
}

// For the disk.
enum class Wait : std::uint8_t { yes, no };

// Without waiting: EAGAIN where a part of the path is not in memory, or the kernel cannot tell.
int open_for_reading(const char* path, Wait wait) {
    constexpr int how = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
    if (wait == Wait::yes) return ::open(path, how);
    open_how asked{};
    asked.flags = how;
    asked.resolve = RESOLVE_CACHED;
    const auto fd = ::syscall(SYS_openat2, AT_FDCWD, path, &asked, sizeof asked);
    if (fd < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM)) errno = EAGAIN;
    return static_cast<int>(fd);
}

bool look_at(int fd, Wait wait, struct statx& about) {
    const int sync = wait == Wait::yes ? AT_STATX_SYNC_AS_STAT : AT_STATX_DONT_SYNC;
    return ::statx(fd, "", AT_EMPTY_PATH | sync, FileIdentity::wanted, &about) == 0;
}

// As much as there is, or -1. Without waiting, it is EAGAIN where a part is not in memory.
ssize_t read_at(int fd, char* to, std::size_t bytes, std::uint64_t from, Wait wait = Wait::yes) {
    std::size_t done = 0;
    while (done < bytes) {
        iovec rest{to + done, bytes - done};
        auto got = ::preadv2(fd, &rest, 1, static_cast<off_t>(from + done), wait == Wait::no ? RWF_NOWAIT : 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && wait == Wait::no && errno == EOPNOTSUPP) errno = EAGAIN;
        if (got < 0) return -1;
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
}

bool write_at(int fd, std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        auto wrote = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        at += static_cast<std::uint64_t>(wrote);
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

}  // namespace

// --- reading ---

void KeptFile::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    mapped_.reset();
    is_recent_ = false;
    buffer_.release();
    key_ = vary_ = etag_ = head_ = {};
}

int KeptFile::release() { return std::exchange(fd_, -1); }

KeptFile::Opened KeptFile::refuse(Opened as, const char* problem, int error) {
    close();
    problem_ = problem;
    error_ = error;
    return as;
}

KeptFile::Opened KeptFile::not_read(const char* problem, int error) {
    return error == EAGAIN ? refuse(Opened::would_wait, "") : refuse(Opened::damaged, problem, error);
}

void KeptFile::swap(KeptFile& other) noexcept {
    std::swap(facts, other.facts);
    std::swap(buffer_, other.buffer_);
    std::swap(key_, other.key_);
    std::swap(vary_, other.vary_);
    std::swap(etag_, other.etag_);
    std::swap(head_, other.head_);
    std::swap(body_offset_, other.body_offset_);
    std::swap(body_length_, other.body_length_);
    std::swap(identity_, other.identity_);
    std::swap(mapped_, other.mapped_);
    std::swap(problem_, other.problem_);
    std::swap(fd_, other.fd_);
    std::swap(error_, other.error_);
    std::swap(lies_in_memory_, other.lies_in_memory_);
    std::swap(is_recent_, other.is_recent_);
}

KeptFile::Opened KeptFile::open(std::string_view path, std::string_view key, RecentFiles* recent) {
    auto opened = open(path, recent);
    return opened == Opened::yes && key_ != key ? refuse(Opened::of_other_key, "is of another key") : opened;
}

bool KeptFile::open_recent(RecentFiles& recent, std::string_view path) {
    RecentFiles::File found;
    if (!recent.find(path, found)) return false;
    identity_ = found.identity;
    mapped_ = std::move(found.mapped);
    buffer_.acquire();
    buffer_.clear();
    buffer_.append(found.bytes);
    lies_in_memory_ = !mapped_ || net::lies_in_memory(mapped_->fd(), identity_.device);
    return is_recent_ = true;
}

KeptFile::Opened KeptFile::open(std::string_view path, RecentFiles* recent) {
    close();
    if (recent && open_recent(*recent, path)) return read_texts();
    auto wait = recent ? Wait::no : Wait::yes;
    fd_ = open_for_reading(path.data(), wait);
    if (fd_ < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        return missing ? refuse(Opened::missing, "cannot be opened", errno) : not_read("cannot be opened", errno);
    }
    struct statx about {};
    if (!look_at(fd_, wait, about)) return not_read("cannot be looked at", errno);
    identity_ = FileIdentity(about);
    lies_in_memory_ = net::lies_in_memory(fd_, identity_.device);
    if (lies_in_memory_) wait = Wait::yes;
    buffer_.acquire();
    buffer_.clear();
    auto got = read_at(fd_, buffer_.room(), std::min<std::uint64_t>(buffer_.room_size(), identity_.size), 0, wait);
    if (got < 0) return not_read("cannot be read", errno);
    buffer_.produced(static_cast<std::size_t>(got));
    Head head;
    if (buffer_.size() < sizeof head) return refuse(Opened::damaged, "is too short");
    std::memcpy(&head, buffer_.data(), sizeof head);
    if (std::memcmp(head.magic, magic, sizeof magic) != 0) return refuse(Opened::damaged, "is of another kind");
    auto texts = std::uint64_t{head.key} + head.vary + head.etag + head.head;
    if (texts > most_texts || head.bytes != sizeof head + texts) return refuse(Opened::damaged, "has a broken head");
    if (head.bytes > buffer_.size()) {
        auto had = buffer_.size();
        buffer_.grow(head.bytes);
        got = read_at(fd_, buffer_.room(), head.bytes - had, had, wait);
        if (got < 0) return not_read("cannot be read", errno);
        if (got != static_cast<ssize_t>(head.bytes - had)) return refuse(Opened::damaged, "is too short");
        buffer_.produced(static_cast<std::size_t>(got));
    }
    if (sum_of(buffer_.data(), head.bytes) != head.sum) return refuse(Opened::damaged, "has a broken head");
    const auto opened = read_texts();
    if (!recent || opened != Opened::yes) return opened;
    const auto known = buffer_.size() == size() ? buffer_.size() : head.bytes;
    mapped_ = recent->note(path, identity_, buffer_.view().substr(0, known), fd_);
    if (mapped_) fd_ = -1;
    return opened;
}

// What the head says, which is known to be whole.
KeptFile::Opened KeptFile::read_texts() {
    Head head;
    std::memcpy(&head, buffer_.data(), sizeof head);
    if (identity_.size != head.bytes + head.body) return refuse(Opened::damaged, "has another length than its head says");
    auto rest = buffer_.view().substr(sizeof head, head.bytes - sizeof head);
    key_ = rest.substr(0, head.key);
    rest.remove_prefix(head.key);
    vary_ = rest.substr(0, head.vary);
    etag_ = rest.substr(head.vary, head.etag);
    head_ = rest.substr(std::size_t{head.vary} + head.etag);
    facts = head.facts;
    body_offset_ = head.bytes;
    body_length_ = head.body;
    problem_ = "";
    error_ = 0;
    return Opened::yes;
}

std::string_view KeptFile::begin_of_body() const {
    return buffer_.held() ? buffer_.view().substr(body_offset_) : std::string_view();
}

KeptFile::Rewrite KeptFile::rewrite(std::string_view path) {
    Head head{};
    std::memcpy(head.magic, magic, sizeof magic);
    head.bytes = static_cast<std::uint32_t>(body_offset_);
    head.key = static_cast<std::uint32_t>(key_.size());
    head.vary = static_cast<std::uint32_t>(vary_.size());
    head.etag = static_cast<std::uint32_t>(etag_.size());
    head.head = static_cast<std::uint32_t>(head_.size());
    head.body = body_length_;
    head.facts = facts;
    std::memcpy(buffer_.data(), &head, sizeof head);
    head.sum = sum_of(buffer_.data(), head.bytes);
    Rewrite change{std::string(path.substr(0, path.find('\0'))), {}, identity_};
    std::memcpy(change.head.data(), &head, sizeof head);
    return change;
}

bool KeptFile::Rewrite::write() const {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT;
    struct statx there {};
    const bool same = look_at(fd, Wait::yes, there) && FileIdentity(there).is_of(file);
    const bool written = !same || write_at(fd, {head.data(), head.size()}, 0);
    int saved = errno;
    ::close(fd);
    errno = saved;
    return written;
}

// --- writing ---

void NewFile::begin(std::string_view path, std::string_view unique, const Facts& facts, const Texts& texts) {
    give_up();
    path_.assign(path.substr(0, path.find('\0')));
    temporary_ = path_;
    temporary_ += '.';
    temporary_ += unique;
    temporary_ += temporary_mark;
    Head head{};
    std::memcpy(head.magic, magic, sizeof magic);
    head.key = static_cast<std::uint32_t>(texts.key.size());
    head.vary = static_cast<std::uint32_t>(texts.vary.size());
    head.etag = static_cast<std::uint32_t>(texts.etag.size());
    head.head = static_cast<std::uint32_t>(texts.head.size());
    head.facts = facts;
    head_bytes_ = sizeof head + head.key + head.vary + head.etag + head.head;
    head.bytes = static_cast<std::uint32_t>(head_bytes_);
    buffer_.acquire(head_bytes_);
    buffer_.clear();
    buffer_.put({reinterpret_cast<const char*>(&head), sizeof head});
    for (auto text : {texts.key, texts.vary, texts.etag, texts.head}) buffer_.put(text);
    body_offset_ = head_bytes_;
    body_length_ = written_ = 0;
    open_ = true;
}

void NewFile::put(std::string_view bytes) {
    // The first block holds most files; what is more comes in large ones.
    if (bytes.size() > buffer_.room_size()) buffer_.grow(std::max(buffer_.size() + bytes.size(), most_in_memory));
    buffer_.append(bytes);
    body_length_ += bytes.size();
}

// The folders are made when they are missing: that is rare.
bool NewFile::make() {
    constexpr int how = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    fd_ = ::open(temporary_.c_str(), how, 0600);
    for (int depth = 3; fd_ < 0 && errno == ENOENT && depth >= 0; --depth) {
        auto slash = path_.size();
        for (int i = 0; i <= depth && slash != std::string::npos; ++i) slash = path_.rfind('/', slash - 1);
        if (slash == std::string::npos || slash == 0) continue;
        if (::mkdir(path_.substr(0, slash).c_str(), 0700) != 0 && errno != EEXIST && errno != ENOENT) return false;
        fd_ = ::open(temporary_.c_str(), how, 0600);
    }
    return fd_ >= 0;
}

bool NewFile::write_buffer() {
    if (fd_ < 0 && !make()) return false;
    if (!write_at(fd_, buffer_.view(), written_)) return false;
    written_ += buffer_.size();
    buffer_.clear();
    return true;
}

bool NewFile::flush() {
    if (write_buffer()) return true;
    give_up();
    return false;
}

// The head gets its lengths and its sum, then the file its name.
bool NewFile::finish() {
    if (written_ == 0) {   // all of it is in the buffer still
        auto* head = reinterpret_cast<Head*>(buffer_.data());
        head->body = body_length_;
        head->sum = sum_of(buffer_.data(), head_bytes_);
        if (!write_buffer()) return false;
    } else {
        if (!write_buffer()) return false;
        buffer_.acquire(head_bytes_);
        if (read_at(fd_, buffer_.data(), head_bytes_, 0) != static_cast<ssize_t>(head_bytes_)) return false;
        Head head;
        std::memcpy(&head, buffer_.data(), sizeof head);
        head.body = body_length_;
        std::memcpy(buffer_.data(), &head, sizeof head);
        head.sum = sum_of(buffer_.data(), head_bytes_);
        if (!write_at(fd_, {reinterpret_cast<const char*>(&head), sizeof head}, 0)) return false;
    }
    return ::rename(temporary_.c_str(), path_.c_str()) == 0;
}

bool NewFile::commit() {
    if (!finish()) {
        give_up();
        return false;
    }
    ::close(std::exchange(fd_, -1));
    open_ = false;
    return true;
}

void NewFile::give_up() {
    int saved = errno;
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
        ::unlink(temporary_.c_str());
    }
    open_ = false;
    errno = saved;
}

void NewFile::remove() { ::unlink(path_.c_str()); }

}  // namespace weir::cache
