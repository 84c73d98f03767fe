// SPDX-License-Identifier: Apache-2.0
// Password files (auth_basic_user_file): lines "user:hash". A file is read when it has changed, so that
// users come and go without a reload, as with nginx. What crypt() made slowly once is not computed again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weir::exchange {

enum class Credentials : std::uint8_t { right, wrong, unknown_user, no_file };

// Whether the password is the one that `stored` was made from: crypt(3) in all its forms, $apr1$,
// {PLAIN}, {SHA}, {SSHA}.
bool password_fits(std::string_view password, const std::string& stored);

// The files of a worker.
class PasswordFiles {
public:
    // `path` ends in a NUL; with no_file, errno is in `error`.
    Credentials check(std::string_view path, std::string_view user, std::string_view password,
                      int& error);

private:
    struct File {
        std::int64_t modified_ns = 0;
        std::uint64_t inode = 0, device = 0, size = 0;
        std::unordered_map<std::string, std::string> users;
    };
    const File* find(std::string_view path, int& error);
    bool fits(const std::string& user, std::string_view password, const std::string& stored);

    std::unordered_map<std::string, File> files_;
    // What was right before: a keyed digest of user, password and hash.
    std::unordered_map<std::string, bool> known_;
    unsigned char secret_[32] = {};
    bool has_secret_ = false;
};

}  // namespace weir::exchange
