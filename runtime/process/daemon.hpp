// SPDX-License-Identifier: Apache-2.0
// Going to the background, and the pid file.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>

#include "parser/base/expected.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

// Forks; returns in the child only. The parent waits for the child's word (release()) and ends with
// its status, or with 1 when the child dies first: a script learns whether the start worked.
class Background {
public:
    Expected<void, std::string> enter();
    // The start is over: the parent ends with `status`. When it worked, stdin, stdout and stderr go
    // to `log_fd` or /dev/null.
    void release(int status, int log_fd);
    [[nodiscard]] bool entered() const { return static_cast<bool>(word_); }

private:
    Fd word_;
};

// Writes the file anew (0644) and removes it at the end if it still holds our process id.
Expected<void, std::string> write_pid_file(const std::string& path);
void remove_pid_file(const std::string& path);
// The process id in the file; the text says why there is none.
Expected<pid_t, std::string> read_pid_file(const std::string& path);

}  // namespace weir::process
