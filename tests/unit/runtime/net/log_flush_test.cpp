// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/log_flush.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace weir::net {
namespace {

// flush=20ms on a loop where nothing else happens.
TEST(LogFlush, WaitingLinesWakeAnIdleLoop) {
    char folder[] = "/tmp/weir-log-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    {
        Loop loop;
        log::LogSinks sinks;
        flush_logs_each_turn(loop, sinks);
        ir::AccessLog access;
        access.target.kind = ir::LogTarget::Kind::file;
        access.target.path = std::string{folder} + "/a";
        access.buffer = 1000;
        access.flush = std::chrono::milliseconds{20};
        sinks.find(access).write("x");
        // Looks before the end of its own turn, which would write the line out too.
        struct Look : Timer {
            Loop* loop = nullptr;
            std::string path;
            bool found = false;
        } look;
        look.loop = &loop;
        look.path = access.target.path;
        look.fire = [](Timer& timer) {
            auto& self = static_cast<Look&>(timer);
            self.found = std::filesystem::exists(self.path);
            self.loop->stop();
        };
        loop.run_once(0);
        EXPECT_FALSE(std::filesystem::exists(look.path));
        loop.arm(look, loop.now() + 200);
        loop.run();
        EXPECT_TRUE(look.found);
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace weir::net
