// SPDX-License-Identifier: Apache-2.0
// The kinds of sinks. For log_sink.cpp only; others see LogSink.
#pragma once

#include <string>
#include <vector>

#include "runtime/log/log_sink.hpp"

namespace weir::log {

// A file or a descriptor, appended to. The descriptor is the master's, or the sink's own.
class StreamSink final : public LogSink {
public:
    StreamSink(LogSinks& sinks, std::string path);
    StreamSink(LogSinks& sinks, const ir::LogTarget& target, int fd);
    ~StreamSink() override;

private:
    void append(std::string_view line, int severity) override;
    int send() override;
    void reopen() override;
    int open_own();
    void look_at_kind();
    int write_some(std::string_view bytes, std::size_t& written);
    int send_compressed();
    void clear_pending() override {
        LogSink::clear_pending();
        compressed_.clear();
    }

    ir::LogTarget target_;
    int fd_ = -1;
    bool own_ = false;
    bool plain_ = true;    // lines without a header
    bool regular_ = true;  // a file on a disk: it is written at once, or fails
    bool cut_ = false;     // the last write ended within a line
    std::string compressed_;   // of lines before those in pending_
};

// Datagrams to a log server, over UDP or a Unix socket.
class SyslogSink final : public LogSink {
public:
    SyslogSink(LogSinks& sinks, const ir::LogTarget& target);
    ~SyslogSink() override;

private:
    void append(std::string_view line, int severity) override;
    int send() override;
    void reopen() override;
    void clear_pending() override;
    int open_socket();
    void close_socket();
    int send_some(std::size_t& index, std::size_t& offset);

    ir::LogTarget target_;
    int fd_ = -1;
    std::uint32_t sample_ = 0;            // number of the line within its period
    std::vector<std::uint32_t> lengths_;  // of the messages in pending_
};

}  // namespace weir::log
