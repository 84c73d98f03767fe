// SPDX-License-Identifier: Apache-2.0
// TlsFiles: certificates, keys and lists of authorities that a configuration names, read once each.
// Ten thousand servers that name one file hold one object.
#pragma once

#include <string>
#include <unordered_map>

#include "parser/base/source_set.hpp"
#include "parser/ir/tls.hpp"

namespace weir::keyword {

class TlsFiles {
public:
    // What a reload has read before is taken from there as long as the file is the same by this.
    SameFile same = same_by_stamp;

    // The file of that path; why it cannot be read otherwise. What --offline leaves out comes back without
    // bytes.
    Expected<ir::File, SourceError> read(SourceSet& sources, const std::string& path) {
        if (auto known = files_.find(path); known != files_.end()) return known->second;
        auto bytes = sources.read_if_changed(path, Purpose::secret, same);
        if (!bytes && !bytes.error().left_out()) return Unexpected{bytes.error()};
        auto file = std::make_shared<ir::FileContent>();
        file->path = path;
        if (bytes) file->bytes = std::string(*bytes);
        file->left_out = !bytes;
        file->stamp = sources.stamp_of(path);
        return files_[path] = std::move(file);
    }

private:
    std::unordered_map<std::string, ir::File> files_;
};

}  // namespace weir::keyword
