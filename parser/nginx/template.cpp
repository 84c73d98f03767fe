// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/template.hpp"

#include <fmt/format.h>

namespace weir::nginx {

namespace {

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class TextMaker {
public:
    TextMaker(Block& block, std::string_view text, Span span, TextStyle style)
        : block_(block), text_(text), span_(span), style_(style) {}

    ir::Text make() {
        out_.span = span_;
        std::size_t at = 0;
        while (at < text_.size()) {
            auto dollar = text_.find('$', at);
            literal(text_.substr(at, dollar == text_.npos ? dollar : dollar - at));
            if (dollar == text_.npos) break;
            at = variable(dollar);
            if (failed_) return {};
        }
        return std::move(out_);
    }

private:
    void literal(std::string_view words) {
        if (!words.empty()) out_.pieces.push_back({.literal = std::string(words)});
    }

    // The variable at text_[dollar]; where the text goes on.
    std::size_t variable(std::size_t dollar) {
        std::size_t begin = dollar + 1;
        if (begin < text_.size() && text_[begin] >= '1' && text_[begin] <= '9') {
            ir::Expr group{.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::capture_group};
            group.number = text_[begin] - '0';
            group.span = span_;
            add(std::move(group));
            return begin + 1;
        }
        bool braces = begin < text_.size() && text_[begin] == '{';
        if (braces) ++begin;
        std::size_t end = begin;
        while (end < text_.size() && is_name(text_[end])) ++end;
        auto name = text_.substr(begin, end - begin);
        if (braces && (end == text_.size() || text_[end] != '}')) {
            fail(fmt::format("the closing bracket in \"{}\" variable is missing", name),
                 "write ${name}");
            return text_.size();
        }
        if (name.empty()) {
            fail("invalid variable name after \"$\"",
                 "nginx has no way to write a plain \"$\" here; a variable is $name or ${name}");
            return text_.size();
        }
        if (auto value = make_variable(block_, name, span_))
            add(std::move(*value));
        return braces ? end + 1 : end;
    }

    void add(ir::Expr value) {
        ir::Text::Piece piece;
        piece.expr = std::make_shared<const ir::Expr>(std::move(value));
        piece.escape = style_.escape;
        piece.if_missing = style_.if_missing;
        out_.pieces.push_back(std::move(piece));
    }

    void fail(std::string message, std::string hint) {
        block_.error(span_, "invalid-variable", std::move(message), std::move(hint));
        failed_ = true;
    }

    Block& block_;
    std::string_view text_;
    Span span_;
    TextStyle style_;
    ir::Text out_;
    bool failed_ = false;
};

}  // namespace

ir::Text make_text(Block& block, std::string_view text, Span span, TextStyle style) {
    return TextMaker(block, text, span, style).make();
}

ir::Expr make_value(ir::Text text) {
    if (text.is_literal()) {
        ir::Expr literal;
        literal.text = text.literal();
        literal.span = text.span;
        return literal;
    }
    if (text.pieces.size() == 1) return *text.pieces[0].expr;
    ir::Expr all{.op = ir::Expr::Op::concat};
    all.span = text.span;
    for (auto& piece : text.pieces) {
        if (piece.expr) {
            all.in.push_back(*piece.expr);
        } else {
            ir::Expr literal;
            literal.text = std::move(piece.literal);
            literal.span = text.span;
            all.in.push_back(std::move(literal));
        }
    }
    return all;
}

}  // namespace weir::nginx
