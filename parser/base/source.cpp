// SPDX-License-Identifier: Apache-2.0
#include "parser/base/source.hpp"

#include <algorithm>
#include <vector>

namespace weir {

FileId SourceMap::add(std::string name, std::string text, Span included_at) {
    files_.push_back({std::move(name), std::move(text), included_at});
    return static_cast<FileId>(files_.size() - 1);
}

std::string_view SourceMap::text(Span span) const {
    if (!span.known()) return {};
    std::string_view all = files_[span.file].text;
    if (span.begin > all.size()) return {};
    return all.substr(span.begin, span.length);
}

Position SourceMap::position(FileId id, std::uint32_t offset) const {
    std::string_view head = std::string_view(files_[id].text).substr(0, offset);
    auto lines = std::count(head.begin(), head.end(), '\n');
    auto start = head.rfind('\n');
    auto column = start == std::string_view::npos ? head.size() : head.size() - start - 1;
    return {static_cast<std::uint32_t>(lines + 1), static_cast<std::uint32_t>(column + 1)};
}

std::string_view SourceMap::line(FileId id, std::uint32_t offset) const {
    std::string_view all = files_[id].text;
    offset = std::min<std::uint32_t>(offset, static_cast<std::uint32_t>(all.size()));
    auto start = offset == 0 ? std::string_view::npos : all.rfind('\n', offset - 1);
    start = start == std::string_view::npos ? 0 : start + 1;
    auto end = all.find('\n', start);
    auto found = all.substr(start, end == std::string_view::npos ? end : end - start);
    if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
    return found;
}

namespace {

// The chain of places from the top file down to the span: comparing two chains gives reading order.
std::vector<Span> chain_of(const SourceMap& map, Span span) {
    std::vector<Span> chain{span};
    while (map.file(chain.back().file).included_at.known())
        chain.push_back(map.file(chain.back().file).included_at);
    std::reverse(chain.begin(), chain.end());
    return chain;
}

}  // namespace

bool SourceMap::before(Span a, Span b) const {
    if (!a.known() || !b.known()) return !a.known() && b.known();
    if (a.file == b.file) return a.begin < b.begin;
    auto left = chain_of(*this, a);
    auto right = chain_of(*this, b);
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        if (left[i].file != right[i].file) return left[i].file < right[i].file;
        if (left[i].begin != right[i].begin) return left[i].begin < right[i].begin;
    }
    return left.size() < right.size();
}

}  // namespace weir
