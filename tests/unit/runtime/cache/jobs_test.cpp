// SPDX-License-Identifier: Apache-2.0
// What becomes of a file whose job nobody waits for any more.
#include "runtime/cache/jobs.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace weir::cache {
namespace {

class SaveJobs : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/weir-jobs-XXXXXX";
        folder_ = ::mkdtemp(name);
        path_ = folder_ + "/file";
        job_.file.begin({path_.c_str(), path_.size() + 1}, "1", {}, {"key", "", "", "HTTP/1.1 200 OK\r\n\r\n"});
        job_.file.put("body");
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    void run(SaveJob::Step step) {
        job_.step = step;
        job_.run();
    }
    // As a Disk does it. How often it ran once more.
    int leave() {
        int runs = 0;
        for (; job_.leave(); ++runs) job_.run();
        return runs;
    }
    [[nodiscard]] bool is_empty() const { return std::filesystem::is_empty(folder_); }

    std::string folder_, path_;
    SaveJob job_;
};

TEST_F(SaveJobs, HalfAFileGoes) {
    run(SaveJob::Step::flush);
    EXPECT_TRUE(job_.ok);
    EXPECT_FALSE(is_empty());
    EXPECT_EQ(leave(), 1);
    EXPECT_TRUE(is_empty());
}

TEST_F(SaveJobs, AWholeFileThatNobodyKnowsOfGoes) {
    run(SaveJob::Step::commit);
    EXPECT_TRUE(job_.ok);
    EXPECT_TRUE(std::filesystem::exists(path_));
    EXPECT_EQ(leave(), 1);
    EXPECT_TRUE(is_empty());
}

TEST_F(SaveJobs, AFailureIsOverAtOnce) {
    std::filesystem::remove_all(folder_);
    path_ = "/dev/full/file";
    job_.file.begin({path_.c_str(), path_.size() + 1}, "1", {}, {"key", "", "", "h"});
    run(SaveJob::Step::commit);
    EXPECT_FALSE(job_.ok);
    EXPECT_NE(job_.error, 0);
    EXPECT_EQ(leave(), 0);
    std::filesystem::create_directory(folder_);
}

TEST(OpenJob, TellsWhatItFound) {
    OpenJob job({"/tmp/weir-no-such-file\0", 23}, "key");
    job.run();
    EXPECT_EQ(job.opened, KeptFile::Opened::missing);
}

}  // namespace
}  // namespace weir::cache
