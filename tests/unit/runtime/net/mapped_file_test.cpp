// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/mapped_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace weir::net {
namespace {

constexpr std::uint64_t page = 4096;

int file_of(std::uint64_t bytes) {
    char name[] = "/tmp/weir-mapped-XXXXXX";
    const int fd = ::mkstemp(name);
    ::unlink(name);
    const std::string content(bytes, 'x');
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    return fd;
}

TEST(MappedFile, TellsWhatIsInMemory) {
    const std::uint64_t size = 3u << 20;
    const auto file = MappedFile::make(file_of(size), size);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->at_hand(0, size), MappedFile::most_at_hand);
    EXPECT_EQ(file->at_hand(1, MappedFile::most_at_hand), MappedFile::most_at_hand);
    EXPECT_EQ(file->at_hand(5000, 10), 10u);
    EXPECT_EQ(file->at_hand(size - 5, 10), 5u);
    EXPECT_EQ(file->at_hand(size, 10), 0u);
}

TEST(MappedFile, WhatIsNotInMemoryEndsIt) {
    const std::uint64_t size = 64 * page;
    const int fd = file_of(size);
    ::fsync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);   // no reading ahead
    char first;
    ASSERT_EQ(::pread(fd, &first, 1, 0), 1);
    const auto file = MappedFile::make(fd, size);
    ASSERT_TRUE(file);
    const auto there = file->at_hand(0, size);
    if (there == size) GTEST_SKIP();   // a file system that lies in memory
    EXPECT_EQ(there % page, 0u);
    EXPECT_GT(there, 0u);
    EXPECT_EQ(file->at_hand(100, size), there - 100);
    EXPECT_EQ(file->at_hand(there, page), 0u);
    EXPECT_EQ(file->at_hand(there + 7, page), 0u);
}

TEST(MappedFile, OneThatWasCutOffFailsAsACall) {
    const std::uint64_t size = 64 * page;
    const int fd = file_of(size);
    const auto file = MappedFile::make(fd, size);
    ASSERT_TRUE(file);
    ASSERT_EQ(::ftruncate(fd, 10), 0);
    EXPECT_EQ(file->at_hand(0, page), 10u);
    EXPECT_EQ(file->at_hand(10, 1), 0u);
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    EXPECT_EQ(::send(ends[0], file->address(2 * page), page, MSG_NOSIGNAL), -1);
    EXPECT_EQ(errno, EFAULT);
    for (const int end : ends) ::close(end);
}

}  // namespace
}  // namespace weir::net
