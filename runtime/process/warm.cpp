// SPDX-License-Identifier: Apache-2.0
// A few threads, one connection per URL: a tool that waits for servers needs no loop.
#include "runtime/process/warm.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

namespace weir::process {

namespace {

constexpr int time_limit = 60;               // seconds without a byte
constexpr std::size_t longest_head = 65536;

struct Found {
    int status = 0;
    std::uint64_t bytes = 0;
    std::string cache;       // what a field says of it
    std::string problem;
};

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

// Fields that caches tell by, the most telling first.
std::string cache_says(std::string_view head) {
    for (std::string_view wanted : {"cache-status", "x-cache-status", "x-cache", "age"})
        for (auto rest = head; !rest.empty();) {
            auto end = std::min(rest.find('\n'), rest.size());
            auto line = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            auto colon = line.find(':');
            if (colon == line.npos || !same_word(line.substr(0, colon), wanted)) continue;
            auto value = std::string(trim(line.substr(colon + 1)));
            return wanted == "age" ? "age " + value : value;
        }
    return "-";
}

class Socket {
public:
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    bool connect(const std::string& name, std::uint16_t port, std::string& problem) {
        addrinfo wanted{}, *found = nullptr;
        wanted.ai_socktype = SOCK_STREAM;
        if (const int error = ::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &wanted, &found); error != 0) {
            problem = ::gai_strerror(error);
            return false;
        }
        for (auto* one = found; one && fd_ < 0; one = one->ai_next) {
            fd_ = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
            const timeval limit{time_limit, 0};
            if (fd_ < 0) continue;
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
            if (::connect(fd_, one->ai_addr, one->ai_addrlen) == 0) break;
            problem = std::strerror(errno);
            ::close(std::exchange(fd_, -1));
        }
        ::freeaddrinfo(found);
        return fd_ >= 0;
    }
    bool send(std::string_view text) {
        while (!text.empty()) {
            const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // 0: the end; below: an error.
    ssize_t read(char* into, std::size_t bytes) {
        for (;;) {
            const auto got = ::recv(fd_, into, bytes, 0);
            if (got >= 0 || errno != EINTR) return got;
        }
    }

private:
    int fd_ = -1;
};

Found ask(const WarmUrl& url, const std::string& name, std::uint16_t port) {
    Found found;
    Socket socket;
    if (!socket.connect(name, port, found.problem)) return found;
    const auto request = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir-warm\r\nAccept: */*\r\n"
                                     "Connection: close\r\n\r\n", url.target, url.host);
    std::string head;
    std::vector<char> block(65536);
    std::size_t end = std::string::npos;
    bool good = socket.send(request);
    while (good && end == std::string::npos) {
        const auto got = socket.read(block.data(), block.size());
        good = got > 0 && head.size() < longest_head;
        if (!good) break;
        head.append(block.data(), static_cast<std::size_t>(got));
        // Interim answers go before the one that counts.
        while ((end = head.find("\r\n\r\n")) != std::string::npos && head.starts_with("HTTP/1.1 1")) head.erase(0, end + 4);
    }
    if (end == std::string::npos || !head.starts_with("HTTP/1.") || head.size() < 12) {
        found.problem = good ? "no HTTP" : "no answer";
        return found;
    }
    std::from_chars(head.data() + 9, head.data() + 12, found.status);
    found.bytes = head.size() - end - 4;
    head.resize(end);
    found.cache = cache_says(head);
    for (;;) {
        const auto got = socket.read(block.data(), block.size());
        if (got < 0) found.problem = "cut off";
        if (got <= 0) return found;
        found.bytes += static_cast<std::uint64_t>(got);
    }
}

// False: it is no "host:port".
bool read_place(std::string_view text, std::string& name, std::uint16_t& port) {
    auto colon = text.rfind(':');
    const auto bracket = text.rfind(']');
    if (colon != text.npos && bracket != text.npos && colon < bracket) colon = text.npos;
    if (colon != text.npos) {
        auto digits = text.substr(colon + 1);
        auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (failure != std::errc() || end != digits.data() + digits.size() || port == 0) return false;
        text = text.substr(0, colon);
    }
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    name = std::string(text);
    return !name.empty();
}

}  // namespace

bool read_url(std::string_view text, WarmUrl& url) {
    constexpr std::string_view scheme = "http://";
    if (text.size() <= scheme.size() || !same_word(text.substr(0, scheme.size()), scheme)) return false;
    for (unsigned char byte : text)
        if (byte <= ' ' || byte == 0x7f) return false;
    text.remove_prefix(scheme.size());
    const auto slash = std::min(text.find_first_of("/?#"), text.size());
    url.host = std::string(text.substr(0, slash));
    auto target = text.substr(slash);
    target = target.substr(0, target.find('#'));
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    url.port = 80;
    return url.host.find('@') == std::string::npos && read_place(url.host, url.name, url.port);
}

int warm(const WarmWish& wish) {
    std::string place;
    std::uint16_t port = 80;
    if (!wish.to.empty() && !read_place(wish.to, place, port)) {
        std::cerr << fmt::format("weir: \"{}\" is not host:port\n", wish.to);
        return 2;
    }
    std::ifstream file;
    if (wish.file != "-") {
        file.open(wish.file);
        if (!file) {
            std::cerr << fmt::format("weir: cannot read \"{}\": {}\n", wish.file, std::strerror(errno));
            return 2;
        }
    }
    std::istream& in = wish.file == "-" ? std::cin : file;
    std::mutex reading, printing;
    std::uint64_t asked = 0, failed = 0, bytes = 0;
    auto work = [&] {
        std::string line;
        for (;;) {
            {
                std::lock_guard held(reading);
                if (!std::getline(in, line)) return;
            }
            const auto text = trim(line);
            if (text.empty() || text.starts_with('#')) continue;
            WarmUrl url;
            Found found;
            const auto begun = std::chrono::steady_clock::now();
            if (!read_url(text, url)) found.problem = "not a URL such as http://host/path";
            else found = wish.to.empty() ? ask(url, url.name, url.port) : ask(url, place, port);
            const auto took = std::chrono::steady_clock::now() - begun;
            std::lock_guard held(printing);
            ++asked;
            bytes += found.bytes;
            if (!found.problem.empty() || found.status >= 400) ++failed;
            const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
            std::cout << (found.status != 0
                              ? fmt::format("{} {} bytes {} ms {} {}{}\n", found.status, found.bytes, ms, found.cache, text,
                                            found.problem.empty() ? "" : " (" + found.problem + ")")
                              : fmt::format("--- {} {}\n", text, found.problem));
        }
    };
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < wish.at_once; ++i) threads.emplace_back(work);
    for (auto& thread : threads) thread.join();
    std::cout << fmt::format("{} asked for, {} failed, {} bytes\n", asked, failed, bytes);
    return failed == 0 ? 0 : 1;
}

}  // namespace weir::process
