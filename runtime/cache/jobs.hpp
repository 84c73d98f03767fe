// SPDX-License-Identifier: Apache-2.0
// What a cache has the threads of net::Disk do: open a kept file, write a new one, renew or remove one.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "runtime/cache/file.hpp"
#include "runtime/net/disk.hpp"

namespace weir::cache {

class OpenJob final : public net::Disk::Job {
public:
    // `path` ends in a NUL.
    OpenJob(std::string_view path, std::string_view key) : path_(path), key_(key) { file.prepare(); }
    void run() override { opened = file.open(path_, key_); }

    KeptFile file;
    KeptFile::Opened opened = KeptFile::Opened::missing;

private:
    std::string path_, key_;
};

// Runs once for each step. When nobody waits for it any more there is no file in the end.
class SaveJob final : public net::Disk::Job {
public:
    enum class Step : std::uint8_t { flush, commit, give_up, remove };
    void run() override {
        ok = true;
        switch (step) {
            case Step::flush: ok = file.flush(); break;
            case Step::commit: ok = file.commit(); break;
            case Step::give_up: file.give_up(); break;
            case Step::remove: file.remove(); break;
        }
        if (!ok) error = errno;
    }
    bool leave() override {
        if (file.is_open()) step = Step::give_up;
        else if (ok && step == Step::commit) step = Step::remove;
        else return false;
        return true;
    }

    NewFile file;
    Step step = Step::flush;
    bool ok = true;
    int error = 0;   // errno, where it is not ok
};

class RewriteJob final : public net::Disk::Job {
public:
    explicit RewriteJob(KeptFile::Rewrite change) : change_(std::move(change)) {}
    void run() override { error = change_.write() ? 0 : errno; }

    int error = 0;

private:
    KeptFile::Rewrite change_;
};

class RemoveJob final : public net::Disk::Job {
public:
    explicit RemoveJob(std::string path) : path_(std::move(path)) {}
    void run() override { ::unlink(path_.c_str()); }

private:
    std::string path_;
};

}  // namespace weir::cache
