// SPDX-License-Identifier: Apache-2.0
// Files of kept answers: what is written comes back, what is broken does not.
#include "runtime/cache/file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace weir::cache {
namespace {

class KeptFiles : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/weir-cache-XXXXXX";
        folder_ = ::mkdtemp(name);
        path_ = folder_ + "/a/bc/file";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    bool write(const std::string& body, std::size_t pieces = 1) {
        NewFile file;
        Facts facts;
        facts.until = 77;
        facts.modified = 5;
        file.begin(with_nul(), "1", facts, {"key", "Accept", "\"e\"", "HTTP/1.1 200 OK\r\n\r\n"});
        for (std::size_t i = 0; i < pieces; ++i) {
            if (!file.has_room(body.size()) && !file.flush()) return false;
            file.put(body);
        }
        return file.commit();
    }
    std::string_view with_nul() { return {path_.c_str(), path_.size() + 1}; }
    KeptFile::Opened open(std::string_view key = "key") { return file_.open(with_nul(), key); }
    std::string content() {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void put(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
    std::size_t files() {
        std::size_t count = 0;
        for (const auto& one : std::filesystem::recursive_directory_iterator(folder_)) count += one.is_regular_file();
        return count;
    }
    // From then on a file is old enough to be kept in memory.
    void settle() {
        ::usleep(60'000);
        loop_.refresh_clock();
    }
    KeptFile::Opened open(RecentFiles& recent) { return file_.open(with_nul(), "key", &recent); }
    // False: the kernel cannot tell whether the file is in memory.
    bool open_until_mapped(RecentFiles& recent) {
        settle();
        for (int i = 0; i < 2; ++i)
            if (open(recent) != KeptFile::Opened::yes) return false;
        return true;
    }
    std::string body() {
        std::string bytes(file_.body_length(), '\0');
        const int fd = file_.mapped() ? file_.mapped()->fd() : -1;
        const auto got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(file_.body_offset()));
        bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return bytes;
    }
    std::string folder_, path_;
    net::Loop loop_;
    KeptFile file_;
};

TEST_F(KeptFiles, ComeBackWhole) {
    ASSERT_TRUE(write("hello"));
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    EXPECT_EQ(file_.facts.until, 77);
    EXPECT_EQ(file_.vary(), "Accept");
    EXPECT_EQ(file_.etag(), "\"e\"");
    EXPECT_EQ(file_.head(), "HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_EQ(file_.body_length(), 5u);
    EXPECT_EQ(content().substr(file_.body_offset()), "hello");
    EXPECT_EQ(files(), 1u);
}

TEST_F(KeptFiles, LargeBodiesAndHeads) {
    ASSERT_TRUE(write(std::string(10000, 'x'), 50));
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    EXPECT_EQ(file_.body_length(), 500000u);
    NewFile file;
    std::string head(100000, 'h');
    file.begin(with_nul(), "2", {}, {"key", "", "", head});
    file.put("b");
    ASSERT_TRUE(file.commit());
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    EXPECT_EQ(file_.head(), head);
    EXPECT_EQ(file_.body_length(), 1u);
}

TEST_F(KeptFiles, OfAnotherKeyOrMissing) {
    EXPECT_EQ(open(), KeptFile::Opened::missing);
    ASSERT_TRUE(write(""));
    EXPECT_EQ(open("other"), KeptFile::Opened::of_other_key);
    EXPECT_EQ(open(), KeptFile::Opened::yes);
}

TEST_F(KeptFiles, NotWholeIsDamaged) {
    ASSERT_TRUE(write("hello"));
    const auto whole = content();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        put(whole.substr(0, size));
        EXPECT_EQ(open(), KeptFile::Opened::damaged) << size;
    }
    put(whole + "x");
    EXPECT_EQ(open(), KeptFile::Opened::damaged);
    put(std::string(whole.size(), '\0'));
    EXPECT_EQ(open(), KeptFile::Opened::damaged);
}

TEST_F(KeptFiles, AnyChangedByteOfTheHeadShows) {
    ASSERT_TRUE(write("hello"));
    const auto whole = content();
    for (std::size_t at = 0; at < whole.size() - 5; ++at) {
        auto changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 4);
        put(changed);
        EXPECT_EQ(open(), KeptFile::Opened::damaged) << at;
    }
}

TEST_F(KeptFiles, GivenUpLeavesNothing) {
    {
        NewFile file;
        file.begin(with_nul(), "1", {}, {"key", "", "", "h"});
        EXPECT_FALSE(file.has_room(100000));
        file.put(std::string(100000, 'x'));
        EXPECT_FALSE(file.is_on_disk());
        ASSERT_TRUE(file.flush());
        EXPECT_EQ(files(), 1u);
    }
    EXPECT_EQ(files(), 0u);
    EXPECT_EQ(open(), KeptFile::Opened::missing);
}

TEST_F(KeptFiles, ACommittedOneMayBeTakenAway) {
    NewFile file;
    file.begin(with_nul(), "1", {}, {"key", "", "", "h"});
    ASSERT_TRUE(file.commit());
    EXPECT_EQ(open(), KeptFile::Opened::yes);
    file.remove();
    EXPECT_EQ(files(), 0u);
}

TEST_F(KeptFiles, TheBeginOfABodyIsReadAlong) {
    ASSERT_TRUE(write("hello"));
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    EXPECT_EQ(file_.begin_of_body(), "hello");
    ASSERT_TRUE(write(std::string(20000, 'x')));
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    const auto begin = file_.begin_of_body();
    EXPECT_GT(begin.size(), 10000u);
    EXPECT_LT(begin.size(), 20000u);
    EXPECT_EQ(begin, std::string(begin.size(), 'x'));
    EXPECT_EQ(file_.body_length(), 20000u);
}

// What was just written is in memory. Where the kernel cannot tell (some file systems), it says "wait".
TEST_F(KeptFiles, NobodyHasToWait) {
    ASSERT_TRUE(write("hello"));
    RecentFiles recent(loop_);
    const auto opened = open(recent);
    if (opened == KeptFile::Opened::would_wait) GTEST_SKIP();
    ASSERT_EQ(opened, KeptFile::Opened::yes);
    EXPECT_EQ(file_.begin_of_body(), "hello");
    KeptFile moved = std::move(file_);
    EXPECT_TRUE(moved.is_open());
    EXPECT_EQ(moved.key(), "key");
    EXPECT_EQ(moved.begin_of_body(), "hello");
}

TEST_F(KeptFiles, RewrittenFacts) {
    ASSERT_TRUE(write("hello"));
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    file_.facts.until = 99;
    ASSERT_TRUE(file_.rewrite(with_nul()).write());
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    EXPECT_EQ(file_.facts.until, 99);
    EXPECT_EQ(file_.head(), "HTTP/1.1 200 OK\r\n\r\n");
    // Replaced meanwhile: the new one is left alone.
    file_.facts.until = 1;
    ASSERT_TRUE(write("other"));
    EXPECT_TRUE(file_.rewrite(with_nul()).write());
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    EXPECT_EQ(file_.facts.until, 77);
}

TEST_F(KeptFiles, ShortOnesThatWereOpenedStayInMemory) {
    RecentFiles recent(loop_);
    ASSERT_TRUE(write("hello"));
    ASSERT_EQ(open(), KeptFile::Opened::yes);
    settle();
    if (open(recent) == KeptFile::Opened::would_wait) GTEST_SKIP();
    ASSERT_EQ(open(recent), KeptFile::Opened::yes);
    EXPECT_EQ(file_.release(), -1);
    EXPECT_EQ(file_.begin_of_body(), "hello");
    EXPECT_EQ(recent.mapped_files(), 0u);
    ASSERT_TRUE(write("other"));
    ASSERT_EQ(open(recent), KeptFile::Opened::yes);
    EXPECT_EQ(file_.begin_of_body(), "other");
}

TEST_F(KeptFiles, LargeOnesThatAreAskedForAgainAreMapped) {
    RecentFiles recent(loop_);
    std::string text;
    for (int i = 0; text.size() < 100000; ++i) text += std::to_string(i) + "\n";
    ASSERT_TRUE(write(text));
    settle();
    if (open(recent) == KeptFile::Opened::would_wait) GTEST_SKIP();
    EXPECT_FALSE(file_.mapped()) << "once is not often";
    ASSERT_EQ(open(recent), KeptFile::Opened::yes);
    ASSERT_TRUE(file_.mapped());
    EXPECT_EQ(file_.release(), -1);
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(open(recent), KeptFile::Opened::yes);
        EXPECT_EQ(file_.facts.until, 77);
        EXPECT_EQ(file_.head(), "HTTP/1.1 200 OK\r\n\r\n");
        EXPECT_EQ(file_.body_length(), text.size());
        EXPECT_EQ(file_.begin_of_body(), "");
        EXPECT_EQ(body(), text);
        EXPECT_EQ(file_.mapped()->size(), file_.size());
        EXPECT_EQ(file_.mapped()->at_hand(file_.body_offset(), text.size()), text.size());
    }
    EXPECT_EQ(recent.mapped_files(), 1u);
    EXPECT_EQ(recent.mapped_bytes(), file_.size());
}

TEST_F(KeptFiles, MappedOnesAreLookedAtEachTime) {
    RecentFiles recent(loop_);
    ASSERT_TRUE(write(std::string(50000, 'a')));
    if (!open_until_mapped(recent)) GTEST_SKIP();
    const auto first = file_.mapped();
    ASSERT_TRUE(first);
    ASSERT_TRUE(write(std::string(50000, 'b')));
    ASSERT_EQ(open(recent), KeptFile::Opened::yes);
    EXPECT_FALSE(file_.mapped());
    EXPECT_EQ(recent.mapped_files(), 0u);
    EXPECT_EQ(file_.begin_of_body().front(), 'b');
    EXPECT_EQ(first->at_hand(0, 50000), 50000u) << "who has it still sends it";
    ASSERT_TRUE(open_until_mapped(recent));
    EXPECT_EQ(body(), std::string(50000, 'b'));
    ASSERT_EQ(::truncate(path_.c_str(), 30000), 0);
    EXPECT_EQ(file_.mapped()->at_hand(20000, 20000), 10000u) << "what is missing would be zeros";
    EXPECT_EQ(open(recent), KeptFile::Opened::damaged);
    ASSERT_TRUE(write(std::string(50000, 'c')));
    ASSERT_TRUE(open_until_mapped(recent));
    ASSERT_EQ(::unlink(path_.c_str()), 0);
    EXPECT_EQ(open(recent), KeptFile::Opened::missing);
    EXPECT_EQ(recent.mapped_bytes(), 0u);
}

TEST_F(KeptFiles, WhatIsMappedHasABound) {
    RecentFiles few(loop_, {.mapped_files = 2}), small(loop_, {.mapped_bytes = 110000});
    for (int i = 0; i < 4; ++i) {
        path_ = folder_ + "/a/bc/file" + std::to_string(i);
        ASSERT_TRUE(write(std::string(50000, 'a')));
    }
    settle();
    for (int i = 0; i < 4; ++i) {
        path_ = folder_ + "/a/bc/file" + std::to_string(i);
        if (!open_until_mapped(few)) GTEST_SKIP();
        EXPECT_EQ(file_.mapped() != nullptr, i < 2) << i;
        ASSERT_TRUE(open_until_mapped(small));
        EXPECT_EQ(file_.mapped() != nullptr, i < 2) << i;
    }
    EXPECT_EQ(few.mapped_files(), 2u);
    EXPECT_LE(small.mapped_bytes(), 110000u);
    path_ = folder_ + "/too large";
    ASSERT_TRUE(write(std::string(RecentFiles::largest_mapped, 'a')));
    RecentFiles usual(loop_);
    ASSERT_TRUE(open_until_mapped(usual));
    EXPECT_FALSE(file_.mapped());
}

TEST_F(KeptFiles, WhatNobodyAsksForIsGivenBack) {
    RecentFiles recent(loop_, {.trust = 100});
    ASSERT_TRUE(write(std::string(50000, 'a')));
    if (!open_until_mapped(recent)) GTEST_SKIP();
    ASSERT_EQ(recent.mapped_files(), 1u);
    for (int turns = 0; recent.mapped_files() != 0 && turns < 100; ++turns) loop_.run_once(20);
    EXPECT_EQ(recent.mapped_files(), 0u);
    EXPECT_EQ(body(), std::string(50000, 'a')) << "who has it keeps it";
}

TEST_F(KeptFiles, NoRoomIsSaid) {
    NewFile file;
    std::string full = "/dev/full/x";
    file.begin({full.c_str(), full.size() + 1}, "1", {}, {"key", "", "", "h"});
    file.put("small");   // is written at the end
    EXPECT_FALSE(file.commit());
    EXPECT_FALSE(file.is_open());
}

}  // namespace
}  // namespace weir::cache
