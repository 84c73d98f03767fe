// SPDX-License-Identifier: Apache-2.0
// Texts say what their letters are coded in. Where another charset is to go out than the text is in, and
// the configuration says what is what (charset_map), it is converted on the way.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/log/error_log.hpp"

namespace weir::exchange {

using http::FieldId;

namespace {

struct TypeOfText {
    std::string_view type;      // without the charset
    std::string_view charset;   // as told; empty: not told
};

// "text/html; charset=koi8-r" taken apart. Other parameters stay with the type.
TypeOfText take_apart(std::string_view value) {
    constexpr std::string_view word = "charset=";
    for (auto at = value.find(';'); at != value.npos; at = value.find(';', at + 1)) {
        auto rest = value.substr(at + 1);
        while (rest.starts_with(' ')) rest.remove_prefix(1);
        if (rest.size() <= word.size() || !http::equal_ignoring_case(rest.substr(0, word.size()), word)) continue;
        auto charset = rest.substr(word.size());
        charset = charset.substr(0, charset.find(';'));
        if (charset.size() >= 2 && charset.starts_with('"') && charset.ends_with('"'))
            charset = charset.substr(1, charset.size() - 2);
        return {value.substr(0, at), charset};
    }
    return {value, {}};
}

bool is_text(const ir::ReplyStyle& style, std::string_view type) {
    return std::any_of(style.charset_types.begin(), style.charset_types.end(),
                       [&](const auto& one) { return one == "*" || http::equal_ignoring_case(one, type); });
}

}  // namespace

// The charset that is to go out; empty: what is told stays.
std::string_view Exchange::wanted_charset(std::string_view type, std::string_view told) {
    if (reply_from_server_ && !accel_charset_.empty()) return accel_charset_;
    if (!route_->charset) return {};
    // A redirect's page has no text to speak of.
    if (!reply_from_server_ && reply_.status >= 300 && reply_.status < 400) return {};
    const auto& style = *route_->style;
    if (told.empty() ? !is_text(style, type) : !style.override_charset) return {};
    auto target = route_->charset->target.render(subject_);
    return target == "off" ? std::string_view() : target;
}

void Exchange::apply_charset() {
    recoding_ = nullptr;
    auto found = std::find_if(reply_.fields.begin(), reply_.fields.end(),
                              [](const auto& field) { return field.id == FieldId::content_type; });
    if (found == reply_.fields.end()) return;
    auto [type, told] = take_apart(found->value);
    auto target = wanted_charset(type, told);
    if (target.empty()) return;
    auto source = told;
    if (source.empty() && route_->charset) source = route_->charset->source.render(subject_);
    if (!source.empty() && source != "off" && !http::equal_ignoring_case(source, target)) {
        // What is compressed cannot be converted, and so nothing else is told of it.
        if (reply_.fields.has(FieldId::content_encoding)) return;
        recoding_ = running_->plan->find_recoding(source, target);
        if (!recoding_)
            return note_problem(log::error, fmt::format("no \"charset_map\" between the charsets \"{}\" and \"{}\"",
                                                        source, target));
    }
    found->value = arena_.join({type, "; charset=", target});
    found->line = {};
    if (recoding_) begin_recoding();
}

// What lies here is converted at once; other bodies are on their way (send_reply).
void Exchange::begin_recoding() {
    if (!reply_from_server_ && !file_) {
        http::Recoding::State state;
        char* converted = arena_.bytes(recoding_->most(own_body_.size()));
        own_body_ = {converted, recoding_->convert(own_body_, converted, state, true)};
        recoding_ = nullptr;
    } else if (sliced_total_ != 0) {
        recoding_ = nullptr;   // each piece is sent as it is kept
    } else if (!recoding_->keeps_length()) {
        open_the_length();
    }
}

}  // namespace weir::exchange
