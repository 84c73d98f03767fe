// SPDX-License-Identifier: Apache-2.0
// Lookup of rows by name and the guess at what a misspelled name was meant to be.
#include <algorithm>
#include <cctype>

#include "parser/keyword/keyword.hpp"

namespace weir::keyword {

namespace {

constexpr std::size_t far_apart = 99;

char folded(char c) {
    if (c == '-') return '_';
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Edit distance with neighbors swapped counted once; '-' and '_' and the case of letters are the
// same. Gives up above `most`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t most) {
    if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) return far_apart;
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        std::size_t best = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1]))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            best = std::min(best, row[j]);
        }
        if (best > most) return far_apart;
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

void Registry::add(Table table) {
    for (const Keyword& row : table) rows_.push_back(&row);
    indexed_ = false;
}

void Registry::build_index() const {
    if (indexed_) return;
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const Keyword* a, const Keyword* b) { return a->name < b->name; });
    index_.clear();
    index_.reserve(rows_.size());
    for (std::uint32_t i = 0; i < rows_.size(); ++i)
        ++index_.try_emplace(rows_[i]->name, i, 0U).first->second.second;
    indexed_ = true;
}

std::span<const Keyword* const> Registry::all() const {
    build_index();
    return rows_;
}

std::span<const Keyword* const> Registry::find(std::string_view name) const {
    build_index();
    auto rows_named = [&](std::string_view exact) -> std::span<const Keyword* const> {
        auto found = index_.find(exact);
        if (found == index_.end()) return {};
        return std::span(rows_).subspan(found->second.first, found->second.second);
    };
    auto own = rows_named(name);
    if (!own.empty() || name.empty()) return own;
    // The longest family first: "upstream_http_x" belongs to "upstream_http_".
    for (auto end = name.rfind('_', name.size() - 1); end != std::string_view::npos && end > 0;
         end = name.rfind('_', end - 1)) {
        if (end + 1 == name.size()) continue;
        if (auto family = rows_named(name.substr(0, end + 1)); !family.empty()) return family;
    }
    return {};
}

const Keyword* Registry::find(std::string_view name, Contexts here) const {
    for (const Keyword* row : find(name))
        if ((row->where & here) != 0) return row;
    return nullptr;
}

std::string_view Registry::nearest(std::string_view name, Contexts here) const {
    // Short words have many neighbors: one slip there, up to three in a long word.
    std::size_t most = name.size() < 3 ? 0 : name.size() < 6 ? 1 : name.size() < 14 ? 2 : 3;
    std::string_view best;
    std::size_t best_score = far_apart;
    for (const Keyword* row : all()) {
        auto apart = distance(name, row->name, most);
        if (apart > most) continue;
        // A word that may stand here beats one slip in a word that may not.
        auto score = apart * 2 + ((row->where & here) != 0 ? 0 : 3);
        if (score < best_score) {
            best_score = score;
            best = row->name;
        }
    }
    return best;
}

}  // namespace weir::keyword
