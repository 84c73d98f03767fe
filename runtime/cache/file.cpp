// SPDX-License-Identifier: Apache-2.0
// Layout: Head, key, vary, etag, head of the answer, body. The checksum is over all but itself and the
// body, whose length the head tells.
#include "runtime/cache/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/hash.hpp"

namespace weir::cache {

namespace {

struct Head {
    char magic[8];
    std::uint32_t sum, bytes;            // of the head and the texts behind it
    std::uint32_t key, vary, etag, head; // lengths of the texts
    std::uint64_t body;
    Facts facts;
};
static_assert(sizeof(Head) == 96 && alignof(Head) == 8);

constexpr char magic[8] = {'w', 'e', 'i', 'r', 'k', 'e', 'p', '1'};   // changes with the layout
constexpr std::uint32_t most_texts = 1u << 20;
constexpr std::size_t summed_from = offsetof(Head, bytes);

std::uint32_t sum_of(const char* head, std::size_t bytes) {
    return hash::crc32({head + summed_from, bytes - summed_from});
}

ssize_t read_at(int fd, char* to, std::size_t bytes, std::uint64_t from) {
    std::size_t done = 0;
    while (done < bytes) {
        auto got = ::pread(fd, to + done, bytes - done, static_cast<off_t>(from + done));
        if (got < 0 && errno == EINTR) continue;
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

void put(net::Buffer& out, std::string_view bytes) {
    if (bytes.size() > out.room_size()) out.grow(out.size() + bytes.size() + net::Buffer::standard);
    out.append(bytes);
}

}  // namespace

// --- reading ---

void KeptFile::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
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

KeptFile::Opened KeptFile::open(std::string_view path, std::string_view key) {
    auto opened = open(path);
    return opened == Opened::yes && key_ != key ? refuse(Opened::of_other_key, "is of another key") : opened;
}

KeptFile::Opened KeptFile::open(std::string_view path) {
    close();
    fd_ = ::open(path.data(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd_ < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        return refuse(missing ? Opened::missing : Opened::damaged, "cannot be opened", errno);
    }
    buffer_.acquire();
    buffer_.clear();
    auto got = read_at(fd_, buffer_.room(), buffer_.room_size(), 0);
    if (got < 0) return refuse(Opened::damaged, "cannot be read", errno);
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
        got = read_at(fd_, buffer_.room(), head.bytes - had, had);
        if (got != static_cast<ssize_t>(head.bytes - had)) return refuse(Opened::damaged, "is too short");
        buffer_.produced(static_cast<std::size_t>(got));
    }
    if (sum_of(buffer_.data(), head.bytes) != head.sum) return refuse(Opened::damaged, "has a broken head");
    struct stat about {};
    if (::fstat(fd_, &about) != 0 || static_cast<std::uint64_t>(about.st_size) != head.bytes + head.body)
        return refuse(Opened::damaged, "has another length than its head says");
    auto rest = buffer_.view().substr(sizeof head, texts);
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

bool KeptFile::rewrite_facts(std::string_view path, std::string_view key) {
    Head head{};
    std::memcpy(head.magic, magic, sizeof magic);
    head.bytes = static_cast<std::uint32_t>(body_offset_);
    head.key = static_cast<std::uint32_t>(key.size());
    head.vary = static_cast<std::uint32_t>(vary_.size());
    head.etag = static_cast<std::uint32_t>(etag_.size());
    head.head = static_cast<std::uint32_t>(head_.size());
    head.body = body_length_;
    head.facts = facts;
    std::memcpy(buffer_.data(), &head, sizeof head);
    head.sum = sum_of(buffer_.data(), head.bytes);
    // The reader's descriptor stays what it is: this one is opened for the change alone.
    int fd = ::open(path.data(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return errno == ENOENT;
    struct stat mine {}, there {};
    bool same = ::fstat(fd_, &mine) == 0 && ::fstat(fd, &there) == 0 && mine.st_ino == there.st_ino &&
                mine.st_dev == there.st_dev;
    bool written = !same || write_at(fd, {reinterpret_cast<const char*>(&head), sizeof head}, 0);
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
    put(buffer_, {reinterpret_cast<const char*>(&head), sizeof head});
    for (auto text : {texts.key, texts.vary, texts.etag, texts.head}) put(buffer_, text);
    body_offset_ = head_bytes_;
    body_length_ = written_ = 0;
    open_ = true;
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

bool NewFile::write(std::string_view bytes) {
    if (fd_ < 0 && !make()) return false;
    if (!write_at(fd_, bytes, written_)) return false;
    written_ += bytes.size();
    return true;
}

bool NewFile::flush() {
    if (!write(buffer_.view())) return false;
    buffer_.clear();
    return true;
}

bool NewFile::append(std::string_view bytes) {
    bool fits = bytes.size() <= buffer_.room_size();
    bool written = fits || (flush() && write(bytes));
    if (fits) buffer_.append(bytes);
    body_length_ += bytes.size();
    if (!written) give_up();
    return written;
}

// The head gets its lengths and its sum, then the file its name.
bool NewFile::finish() {
    Head head;
    bool here = written_ == 0;   // all of it is in the buffer still
    if (here) {
        auto* at = reinterpret_cast<Head*>(buffer_.data());
        at->body = body_length_;
        at->sum = sum_of(buffer_.data(), head_bytes_);
        if (!flush()) return false;
    } else {
        net::Buffer texts;
        texts.acquire(head_bytes_);
        if (!flush()) return false;
        if (read_at(fd_, texts.data(), head_bytes_, 0) != static_cast<ssize_t>(head_bytes_)) return false;
        auto* at = reinterpret_cast<Head*>(texts.data());
        at->body = body_length_;
        head = *at;
        head.sum = sum_of(texts.data(), head_bytes_);
        if (!write_at(fd_, {reinterpret_cast<const char*>(&head), sizeof head}, 0)) return false;
    }
    return ::rename(temporary_.c_str(), path_.c_str()) == 0;
}

bool NewFile::commit() {
    bool done = finish();
    int saved = errno;
    if (done) {
        ::close(std::exchange(fd_, -1));
        buffer_.release();
        open_ = false;
    } else {
        give_up();
    }
    errno = saved;
    return done;
}

void NewFile::give_up() {
    int saved = errno;
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
        ::unlink(temporary_.c_str());
    }
    buffer_.release();
    open_ = false;
    errno = saved;
}

}  // namespace weir::cache
