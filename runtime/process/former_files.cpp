// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/former_files.hpp"

#include <algorithm>

#include "runtime/process/tls_uses.hpp"

namespace weir::process {

FormerFiles former_tls_files(const ir::Config& config) {
    FormerFiles found;
    auto add = [&](const ir::File& file) {
        if (file->stamp.known()) found.try_emplace(file->path, FormerFile{file->stamp, file->bytes});
    };
    each_tls_use(config, {[&](const ir::TlsIdentity& identity, bool) { each_file(identity, add); },
                          [&](const ir::File& file, TlsFileKind, bool) { add(file); }});
    return found;
}

std::vector<Follower::File> followed_files(const ir::Config& config) {
    std::vector<Follower::File> found;
    auto add = [&](const ir::File& file) {
        if (!file->left_out) found.push_back({file->path, file->stamp});
    };
    each_tls_use(config, {[&](const ir::TlsIdentity& identity, bool follows) {
                              if (follows) each_file(identity, add);
                          },
                          [&](const ir::File& file, TlsFileKind, bool follows) {
                              if (follows) add(file);
                          }});
    std::sort(found.begin(), found.end(), [](const auto& one, const auto& other) { return one.path < other.path; });
    found.erase(std::unique(found.begin(), found.end(), [](const auto& one, const auto& other) { return one.path == other.path; }),
                found.end());
    return found;
}

bool keeps_sources(const ir::Config& config) {
    return !config.process.control_sockets.empty() || !followed_files(config).empty();
}

}  // namespace weir::process
