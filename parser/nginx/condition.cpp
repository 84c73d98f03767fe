// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/condition.hpp"

#include <fmt/format.h>

#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using How = ir::PatternSet::How;

ir::Condition test(ir::Expr value, ir::PatternSet patterns, Span span) {
    ir::Condition condition{.op = ir::Expr::Op::match, .type = ir::Type::boolean};
    condition.in.push_back(std::move(value));
    condition.patterns = std::make_shared<const ir::PatternSet>(std::move(patterns));
    condition.span = span;
    return condition;
}

ir::Condition negate(ir::Condition condition) {
    ir::Condition negated{.op = ir::Expr::Op::negate, .type = ir::Type::boolean};
    negated.span = condition.span;
    negated.in.push_back(std::move(condition));
    return negated;
}

// The words inside the parentheses, which may be glued to the first and the last of them.
std::vector<keyword::Argument> inner_words(const keyword::Call& call) {
    std::vector<keyword::Argument> words(call.args.begin(), call.args.end());
    if (words.empty() || !words.front().text.starts_with('(')) return {};
    if (!words.back().text.ends_with(')')) return {};
    auto trim = [&words](bool front) {
        auto& word = front ? words.front() : words.back();
        if (word.text.size() > 1) {
            if (front) {
                word.text.remove_prefix(1);
                ++word.span.begin;
            } else {
                word.text.remove_suffix(1);
            }
            --word.span.length;
        } else if (front) {
            words.erase(words.begin());
        } else {
            words.pop_back();
        }
    };
    trim(true);
    if (!words.empty()) trim(false);
    return words;
}

class ConditionMaker {
public:
    ConditionMaker(Block& block, const keyword::Call& call) : block_(block), call_(call) {}

    std::optional<ir::Condition> make() {
        auto words = inner_words(call_);
        if (words.empty() || words.size() > 3) return invalid(call_[0]);
        const auto& first = words[0];
        if (first.text.size() > 1 && first.text[0] == '$') {
            if (words.size() == 2) return invalid(words[1]);
            return of_variable(words);
        }
        if (is_file_test(first.text)) {
            if (words.size() != 2) return invalid(first);
            return of_file(first, words[1]);
        }
        return invalid(first);
    }

private:
    std::optional<ir::Condition> invalid(const keyword::Argument& word) {
        block_.error(word.span, "invalid-condition", fmt::format("invalid condition \"{}\"", word.text),
                     "write if ($variable), ($variable = text), ($variable ~ regex) or (-f file)");
        return std::nullopt;
    }

    static bool is_file_test(std::string_view word) {
        if (word.starts_with('!')) word.remove_prefix(1);
        return word.size() == 2 && word[0] == '-' && std::string_view("fdex").find(word[1]) != word.npos;
    }

    std::optional<ir::Condition> of_variable(const std::vector<keyword::Argument>& words) {
        // The whole word is the name here: $arg_go-get is a variable in a condition only.
        auto variable = make_variable(block_, words[0].text.substr(1), words[0].span);
        if (!variable) return std::nullopt;
        auto value = std::move(*variable);
        Span span = words.front().span.to(words.back().span);
        if (words.size() == 1)
            return test(std::move(value), {.how = How::truth}, span);
        auto sign = words[1].text;
        bool negative = sign.starts_with('!');
        if (negative) sign.remove_prefix(1);
        if (sign == "=") return equal(std::move(value), words[2], negative, span);
        if (sign == "~" || sign == "~*") {
            auto found = make_regex_test(block_, std::move(value), words[2].text,
                                         sign == "~*", words[2].span);
            if (found && negative) return negate(std::move(*found));
            return found;
        }
        block_.error(words[1].span, "invalid-condition",
                     fmt::format("unexpected \"{}\" in condition", words[1].text),
                     "compare with =, !=, ~, ~*, !~ or !~*");
        return std::nullopt;
    }

    std::optional<ir::Condition> equal(ir::Expr value, const keyword::Argument& other,
                                       bool negative, Span span) {
        auto right = make_text(block_, other.text, other.span);
        ir::PatternSet patterns{.how = How::equal};
        bool literal = right.is_literal();
        if (literal) patterns.texts.push_back(right.literal());
        auto condition = test(std::move(value), std::move(patterns), span);
        if (!literal) condition.in.push_back(make_value(std::move(right)));
        return negative ? negate(std::move(condition)) : std::move(condition);
    }

    std::optional<ir::Condition> of_file(const keyword::Argument& sign,
                                         const keyword::Argument& path) {
        bool negative = sign.text.starts_with('!');
        How how = How::file_exists;
        switch (sign.text.back()) {
            case 'd': how = How::dir_exists; break;
            case 'e': how = How::any_exists; break;
            case 'x': how = How::executable; break;
            default: break;
        }
        auto value = make_value(make_text(block_, path.text, path.span));
        auto condition = test(std::move(value), {.how = how}, sign.span.to(path.span));
        return negative ? negate(std::move(condition)) : std::move(condition);
    }

    Block& block_;
    const keyword::Call& call_;
};

}  // namespace

bool check_regex(Block& block, std::string_view regex, bool ignore_case, Span span) {
    auto checked = value::parse_regex(regex, ignore_case);
    if (checked) return true;
    block.error(span, "invalid-regex",
                fmt::format("\"{}\" is not valid; expected {}", regex, checked.error()),
                "regexes are those of PCRE; a \"{\" or \";\" in one needs quotes around it");
    return false;
}

std::optional<ir::Condition> make_regex_test(Block& block, ir::Expr value, std::string_view regex,
                                             bool ignore_case, Span span) {
    if (!check_regex(block, regex, ignore_case, span)) return std::nullopt;
    ir::PatternSet patterns{.how = How::regex, .ignore_case = ignore_case};
    patterns.texts.emplace_back(regex);
    patterns.keeps_captures = true;
    return test(std::move(value), std::move(patterns), span);
}

std::optional<ir::Condition> make_condition(Block& block, const keyword::Call& call) {
    return ConditionMaker(block, call).make();
}

}  // namespace weir::nginx
