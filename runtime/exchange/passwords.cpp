// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/passwords.hpp"

#include <crypt.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/net/digest.hpp"

namespace weir::exchange {

namespace {

// More than this is thrown away and gathered anew.
constexpr std::size_t most_files = 64, most_known = 4096;
constexpr std::size_t largest_file = 64u << 20;

// Takes as long for any two texts of one length.
bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned char differs = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        differs = static_cast<unsigned char>(differs | (a[i] ^ b[i]));
    return differs == 0;
}

std::string digest_of(net::Digest kind, std::string_view bytes) {
    unsigned char out[net::most_digest_bytes];
    auto size = net::digest(kind, bytes, out);
    return {reinterpret_cast<const char*>(out), size};
}

bool decode(std::string_view text, std::string& plain) {
    std::uint32_t bits = 0, held = 0;
    while (text.ends_with('=')) text.remove_suffix(1);
    for (char c : text) {
        static constexpr std::string_view letters =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        auto value = letters.find(c);
        if (value == letters.npos) return false;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        if ((held += 6) >= 8) plain += static_cast<char>(bits >> (held -= 8) & 0xff);
    }
    return true;
}

// The form of the Apache server: 1000 rounds of MD5 over password, salt and what came before.
std::string apr1(std::string_view password, std::string_view salt) {
    auto md5 = [](const std::string& bytes) { return digest_of(net::Digest::md5, bytes); };
    std::string pass(password), seasoning(salt);
    auto mixed = md5(pass + seasoning + pass);
    std::string start = pass + "$apr1$" + seasoning;
    if (mixed.empty()) return {};
    for (std::size_t left = pass.size(); left > 0; left -= std::min<std::size_t>(left, 16))
        start += mixed.substr(0, std::min<std::size_t>(left, 16));
    for (std::size_t bits = pass.size(); bits != 0; bits >>= 1) start += bits & 1 ? '\0' : password[0];
    auto now = md5(start);
    for (int round = 0; round < 1000; ++round) {
        std::string next = round & 1 ? pass : now;
        if (round % 3 != 0) next += seasoning;
        if (round % 7 != 0) next += pass;
        next += round & 1 ? now : pass;
        now = md5(next);
    }
    static constexpr char letters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(now[i])); };
    std::string out = "$apr1$" + seasoning + "$";
    auto put = [&](std::uint32_t value, int count) {
        for (; count > 0; --count, value >>= 6) out += letters[value & 63];
    };
    for (std::size_t i = 0; i < 5; ++i)
        put(byte(i) << 16 | byte(i + 6) << 8 | byte(i == 4 ? 5 : i + 12), 4);
    put(byte(11), 2);
    return out;
}

bool is_slow(const std::string& stored) { return !stored.starts_with('{'); }

}  // namespace

bool password_fits(std::string_view password, const std::string& stored) {
    std::string_view rest = stored;
    auto is = [&](std::string_view mark) {
        if (!rest.starts_with(mark)) return false;
        rest.remove_prefix(mark.size());
        return true;
    };
    if (is("$apr1$")) {
        auto made = apr1(password, rest.substr(0, std::min<std::size_t>(rest.find('$'), 8)));
        return !made.empty() && same(made, stored);
    }
    if (is("{PLAIN}")) return same(password, rest);
    if (is("{SHA}") || is("{SSHA}")) {
        std::string plain;
        if (!decode(rest, plain) || plain.size() < 20) return false;
        std::string text(password);
        text += plain.substr(20);   // the salt; none with {SHA}
        return same(digest_of(net::Digest::sha1, text), std::string_view(plain).substr(0, 20));
    }
    if (stored.empty()) return false;
    crypt_data room{};
    std::string text(password);
    const char* made = ::crypt_r(text.c_str(), stored.c_str(), &room);
    return made && made[0] != '*' && same(made, stored);
}

const PasswordFiles::File* PasswordFiles::find(std::string_view path, int& error) {
    int fd = ::open(path.data(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat facts {};
    if (fd < 0 || ::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        error = fd < 0 ? errno : EINVAL;
        if (fd >= 0) ::close(fd);
        return nullptr;
    }
    if (files_.size() >= most_files) files_.clear();
    auto& file = files_[std::string(path)];
    auto modified = facts.st_mtim.tv_sec * 1000000000LL + facts.st_mtim.tv_nsec;
    auto size = static_cast<std::uint64_t>(facts.st_size);
    bool same_file = file.modified_ns == modified && file.inode == facts.st_ino &&
                     file.device == facts.st_dev && file.size == size;
    if (!same_file) {
        file = {modified, facts.st_ino, facts.st_dev, size, {}};
        std::string text(std::min<std::uint64_t>(size, largest_file), '\0');
        auto got = ::pread(fd, text.data(), text.size(), 0);
        std::string_view rest(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        while (!rest.empty()) {
            auto line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
            if (line.ends_with('\r')) line.remove_suffix(1);
            auto colon = line.find(':');
            if (line.empty() || line[0] == '#' || colon == line.npos) continue;
            auto hash = line.substr(colon + 1);
            hash = hash.substr(0, hash.find(':'));   // a comment may follow
            file.users.try_emplace(std::string(line.substr(0, colon)), hash);
        }
    }
    ::close(fd);
    return &file;
}

bool PasswordFiles::fits(const std::string& user, std::string_view password, const std::string& stored) {
    if (!is_slow(stored)) return password_fits(password, stored);
    if (!has_secret_) {
        net::random_bytes(secret_, sizeof secret_);
        has_secret_ = true;
    }
    std::string all(reinterpret_cast<const char*>(secret_), sizeof secret_);
    for (std::string_view part : {std::string_view(user), std::string_view(stored), password}) {
        all += std::to_string(part.size());
        all += ':';
        all += part;
    }
    auto key = digest_of(net::Digest::sha256, all);
    if (!key.empty() && known_.contains(key)) return true;
    if (!password_fits(password, stored)) return false;
    if (known_.size() >= most_known) known_.clear();
    if (!key.empty()) known_.emplace(std::move(key), true);
    return true;
}

Credentials PasswordFiles::check(std::string_view path, std::string_view user, std::string_view password,
                                 int& error) {
    const auto* file = find(path, error);
    if (!file) return Credentials::no_file;
    std::string name(user);
    auto found = file->users.find(name);
    if (found == file->users.end()) return Credentials::unknown_user;
    return fits(name, password, found->second) ? Credentials::right : Credentials::wrong;
}

}  // namespace weir::exchange
