// SPDX-License-Identifier: Apache-2.0
// Templates at work: pieces are evaluated into views, then joined with one copy.
#include <cstring>

#include "runtime/route/escape.hpp"
#include "runtime/route/eval.hpp"
#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

using F = ir::Fetch;
using Escape = ir::Text::Escape;

bool is_of_target(F fetch) {
    return fetch == F::request_line || fetch == F::request_target || fetch == F::path ||
           fetch == F::path_and_query || fetch == F::query;
}

// HAProxy's log shows these where there is no value; others leave it to the piece.
std::string_view stand_in(const Node& root, const Subject& subject) {
    if (root.op != ir::Expr::Op::fetch) return {};
    if (root.fetch == F::server_name) return subject.cache.hit_in.empty() ? "<NOSRV>" : "<CACHE>";
    if (!subject.request &&
        (is_of_target(root.fetch) || root.fetch == F::method || root.fetch == F::request_version)) {
        return root.fetch == F::query ? std::string_view() : "<BADREQ>";
    }
    return {};
}

bool may_be_empty(const Node& root) {
    return root.op == ir::Expr::Op::fetch &&
           (root.fetch == F::request_captures || root.fetch == F::response_captures ||
            root.fetch == F::query);
}

// HAProxy joins the blanks around captures that are not there; other values keep theirs even when
// they are empty.
bool leaves_blanks(const Node& root) {
    return root.op == ir::Expr::Op::fetch &&
           (root.fetch == F::request_captures || root.fetch == F::response_captures);
}

// %{+X}: numbers with at least four digits, addresses byte by byte.
std::string_view hexadecimal(const Value& value, Arena& arena) {
    static constexpr char digits[] = "0123456789ABCDEF";
    if (value.type == ir::Type::bytes) return value.bytes;
    if (value.type != ir::Type::address) {
        char text[16];
        char* at = text + sizeof text;
        auto rest = static_cast<std::uint64_t>(value.number);
        for (int i = 0; i < 4 || rest; ++i, rest >>= 4) *--at = digits[rest & 15];
        return arena.copy({at, static_cast<std::size_t>(text + sizeof text - at)});
    }
    const std::size_t size = value.ip.family == IpAddress::Family::v4 ? 4 : 16;
    char* out = arena.bytes(2 * size);
    for (std::size_t i = 0; i < size; ++i) {
        out[2 * i] = digits[value.ip.bytes[i] >> 4];
        out[2 * i + 1] = digits[value.ip.bytes[i] & 15];
    }
    return {out, 2 * size};
}

std::string_view write_piece(const Value& value, const Node& root, const ir::Text::Piece& how,
                             Subject& subject) {
    Arena& arena = *subject.arena;
    const bool in_log = how.escape == Escape::haproxy_log;
    std::string_view text;
    if (value.exists) text = how.hex ? hexadecimal(value, arena) : to_text(value, arena);
    if (!value.exists && in_log) text = stand_in(root, subject);
    if (how.limit && text.size() > how.limit) text = text.substr(0, how.limit);
    if (in_log && root.op == ir::Expr::Op::fetch && is_of_target(root.fetch)) {
        text = escape_target(text, arena);
    } else if (how.escape != Escape::none) {
        text = escape(text, how.escape, arena);
    }
    if (how.quoted) {
        if (text.empty() && may_be_empty(root)) return text;
        return text.empty() ? std::string_view("\"\"") : arena.join({"\"", text, "\""});
    }
    // HAProxy's log shows an empty text as a missing one.
    const bool absent = !value.exists || (in_log && !may_be_empty(root));
    return text.empty() && absent ? std::string_view(how.if_missing) : text;
}

// Leaves out the blanks of `text` that follow a blank or the start.
std::string_view join_blanks(std::string_view text, bool& after_blank) {
    while (after_blank && !text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (!text.empty()) after_blank = text.back() == ' ';
    return text;
}

}  // namespace

bool Template::is_literal() const {
    return pieces_.empty() || (pieces_.size() == 1 && !pieces_[0].how);
}

bool Template::exists(Subject& subject) const {
    return pieces_.size() != 1 || !pieces_[0].how || pieces_[0].program.eval(subject).exists;
}

std::string_view Template::render(Subject& subject) const {
    if (pieces_.empty()) return "";
    auto write = [&](const Piece& piece) {
        if (!piece.how) return piece.literal;
        const Value value = piece.program.eval(subject);
        return write_piece(value, piece.program.root(), *piece.how, subject);
    };
    if (pieces_.size() == 1) {
        const auto text = write(pieces_[0]);
        return text.data() ? text : std::string_view("");
    }
    constexpr std::size_t on_stack = 48;
    std::string_view stack[on_stack];
    auto* parts = pieces_.size() <= on_stack
                      ? stack
                      : subject.arena->make_array<std::string_view>(pieces_.size());
    std::size_t size = 0;
    bool after_blank = true;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        parts[i] = write(pieces_[i]);
        if (joins_blanks_ && !pieces_[i].how)
            parts[i] = join_blanks(parts[i], after_blank);
        else if (!parts[i].empty() || (pieces_[i].how && !leaves_blanks(pieces_[i].program.root())))
            after_blank = false;
        size += parts[i].size();
    }
    char* const start = subject.arena->bytes(size);
    char* at = start;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        if (!parts[i].empty()) std::memcpy(at, parts[i].data(), parts[i].size());
        at += parts[i].size();
    }
    return {start, size};
}

}  // namespace weir::route
