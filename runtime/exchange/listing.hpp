// SPDX-License-Identifier: Apache-2.0
// Folder: what lies in a folder, and the page that shows it (autoindex), in the forms that people's
// scripts read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/ir/files.hpp"
#include "runtime/base/arena.hpp"

namespace weir::exchange {

class Folder {
public:
    // Reads it; names that begin with a dot are left out. `path` ends in a NUL.
    Folder(std::string_view path, Arena& arena);

    int error = 0;   // errno

    struct Listing {
        std::string_view body, type;
        bool bad = false;   // the callback is no name
    };
    // `path` is the URI's. `callback`: of jsonp; without one it is json. `utf8`: names are in it, so that
    // columns are counted in letters.
    Listing write(const ir::FileSettings::Listing& how, std::string_view path, std::string_view callback,
                  bool utf8);
    // One of the regular files, by chance; empty when there is none.
    [[nodiscard]] std::string_view pick_file(std::uint64_t chance) const;

private:
    struct Entry {
        std::string_view name;
        bool folder = false, regular = false;
        std::int64_t modified = 0;
        std::uint64_t size = 0;
    };
    void write_html(std::string& out, const ir::FileSettings::Listing& how, std::string_view path, bool utf8);
    void write_json(std::string& out, std::string_view callback);
    void write_xml(std::string& out);

    Arena& arena_;
    std::vector<Entry> entries_;
};

// The value of "callback" in a query; empty without one.
std::string_view callback_of(std::string_view query);

}  // namespace weir::exchange
