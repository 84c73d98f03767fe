// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/passwords.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace weir::exchange {
namespace {

TEST(Passwords, EveryForm) {
    // Of "secret", made by openssl passwd and crypt(3).
    for (const char* stored : {"$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0", "{PLAIN}secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
                               "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"}) {
        EXPECT_TRUE(password_fits("secret", stored)) << stored;
        EXPECT_FALSE(password_fits("secrets", stored)) << stored;
        EXPECT_FALSE(password_fits("", stored)) << stored;
    }
    EXPECT_FALSE(password_fits("secret", ""));
    EXPECT_FALSE(password_fits("", ""));
    EXPECT_FALSE(password_fits("secret", "secret"));
    EXPECT_FALSE(password_fits("secret", "{SSHA}"));
    EXPECT_FALSE(password_fits("secret", "{SHA}!"));
    EXPECT_FALSE(password_fits("secret", "$apr1$"));
}

TEST(Passwords, AFileIsReadAgainWhenItChanges) {
    char name[] = "/tmp/weir-users-XXXXXX";
    int fd = ::mkstemp(name);
    auto put = [&](const std::string& text) {
        EXPECT_EQ(::ftruncate(fd, 0), 0);
        EXPECT_EQ(::pwrite(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    };
    put("# comment\nann:{PLAIN}one:remark\r\nbob:{PLAIN}two");
    PasswordFiles files;
    int error = 0;
    std::string path(name);
    EXPECT_EQ(files.check(path, "ann", "one", error), Credentials::right);
    EXPECT_EQ(files.check(path, "bob", "two", error), Credentials::right);
    EXPECT_EQ(files.check(path, "bob", "one", error), Credentials::wrong);
    EXPECT_EQ(files.check(path, "# comment", "", error), Credentials::unknown_user);
    put("ann:{PLAIN}other one\n");
    EXPECT_EQ(files.check(path, "ann", "one", error), Credentials::wrong);
    EXPECT_EQ(files.check(path, "ann", "other one", error), Credentials::right);
    EXPECT_EQ(files.check(path, "bob", "two", error), Credentials::unknown_user);
    ::close(fd);
    ::unlink(name);
    EXPECT_EQ(files.check(path, "ann", "other one", error), Credentials::no_file);
    EXPECT_EQ(error, ENOENT);
}

}  // namespace
}  // namespace weir::exchange
