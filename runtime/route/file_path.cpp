// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/file_path.hpp"

#include "runtime/route/fetch.hpp"
#include "runtime/route/values.hpp"

namespace weir::route {

std::string_view with_nul(std::initializer_list<std::string_view> parts, Arena& arena) {
    std::size_t size = 0;
    for (auto part : parts) size += part.size();
    char* start = arena.bytes(size + 1);
    char* at = start;
    for (auto part : parts) {
        if (!part.empty()) std::memcpy(at, part.data(), part.size());
        at += part.size();
    }
    *at = '\0';
    return {start, size};
}

std::string_view file_path(const FileRoot& root, Subject& subject, std::string_view path) {
    auto base = root.root.render(subject);
    if (root.is_whole) return with_nul({base}, *subject.arena);
    auto rest = root.left_out <= path.size() ? path.substr(root.left_out) : std::string_view();
    return with_nul({base, rest}, *subject.arena);
}

namespace {

// $fastcgi_script_name and $fastcgi_path_info without an index.
struct Script {
    std::string_view name, rest;
};
Script script_of(const Subject& subject) {
    Script script{subject.normalized_path, {}};
    Regex::Match match;
    if (!subject.script || !subject.script->split || !subject.script->split->match(script.name, match)) return script;
    script.rest = match.group[2];
    script.name = match.group[1];
    return script;
}

}  // namespace

Value fetch_script_name(const Node&, Subject& subject) {
    auto name = script_of(subject).name;
    bool whole = !subject.script || subject.script->index.empty() || !name.ends_with('/');
    return Value::of(whole ? name : subject.arena->join({name, subject.script->index}));
}
Value fetch_path_info(const Node&, Subject& subject) { return Value::of(script_of(subject).rest); }

Value fetch_document_root(const Node&, Subject& subject) {
    return Value::of(subject.file_root ? subject.file_root->root.render(subject) : std::string_view());
}
Value fetch_request_filename(const Node&, Subject& subject) {
    if (!subject.file_root) return Value::of("");
    return Value::of(file_path(*subject.file_root, subject, subject.normalized_path));
}
Value fetch_realpath_root(const Node&, Subject& subject) {
    if (!subject.file_root) return Value::of("");
    return Value::of(real_path(subject.file_root->root.render(subject), *subject.arena));
}

}  // namespace weir::route
