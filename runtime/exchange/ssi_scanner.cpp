// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "runtime/exchange/ssi.hpp"

namespace weir::exchange {

namespace {

constexpr std::string_view opening = "<!--#", closing = "-->";
// What is longer is text with a beginning that looks like a command's.
constexpr std::size_t longest_command = 65536;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void skip_blanks(std::string_view& text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

std::string_view take_word(std::string_view& text) {
    std::size_t size = 0;
    while (size < text.size() && ((text[size] >= 'a' && text[size] <= 'z') || (text[size] >= 'A' && text[size] <= 'Z') ||
                                  text[size] == '_'))
        ++size;
    auto word = text.substr(0, size);
    text.remove_prefix(size);
    return word;
}

// A value in quotes; its backslashes before quotes go, in place. False: it has no end.
bool take_quoted(std::string_view& text, std::string_view& value) {
    const char quote = text.front();
    if (quote != '"' && quote != '\'') return false;
    char* plain = const_cast<char*>(text.data()) + 1;   // plain_ is ours to write
    std::size_t size = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == quote) {
            value = {plain, size};
            text.remove_prefix(i + 1);
            return true;
        }
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == quote || text[i + 1] == '\\')) ++i;
        plain[size++] = text[i];
    }
    return false;
}

}  // namespace

void GrowingText::append(std::string_view text, Arena& arena) {
    if (text.empty()) return;
    if (size_ + text.size() > room_) {
        room_ = std::max<std::size_t>(2 * (size_ + text.size()), 64);
        char* wider = arena.bytes(room_);
        if (size_ != 0) std::memcpy(wider, at_, size_);
        at_ = wider;
    }
    std::memmove(at_ + size_, text.data(), text.size());
    size_ += text.size();
}

SsiPage::Named* SsiPage::find(Named* list, std::string_view name) {
    while (list && list->name != name) list = list->next;
    return list;
}

SsiPage::Named& SsiPage::make(Named*& list, std::string_view name) {
    if (auto* found = find(list, name)) return *found;
    list = arena.make<Named>(arena.copy(name), GrowingText(), list);
    return *list;
}

void SsiPage::set(Named*& list, std::string_view name, std::string_view text) {
    auto& named = make(list, name);
    named.text.clear();
    named.text.append(text, arena);
}

const SsiCommand::Parameter* SsiCommand::find(std::string_view key) const {
    const auto* end = parameters + count;
    const auto* found = std::find_if(parameters, end, [&](const Parameter& one) { return one.key == key; });
    return found == end ? nullptr : found;
}

std::string_view SsiCommand::value(std::string_view key) const {
    const auto* found = find(key);
    return found ? found->value : std::string_view();
}

void SsiScanner::feed(std::string_view bytes) { rest_ = bytes; }

bool SsiScanner::next(Found& found) {
    found.has_command = false;
    found.text = {};
    if (inside_) return read_command(found);
    if (begun_ != 0) {
        // What began at the end of the last piece goes on here, or was text.
        while (begun_ < opening.size() && !rest_.empty() && rest_.front() == opening[begun_]) {
            ++begun_;
            rest_.remove_prefix(1);
        }
        const bool open = begun_ == opening.size();
        // At the end of all it is dropped, as a command without an end is.
        if (!open && rest_.empty()) return false;
        if (!open) found.text = opening.substr(0, begun_);
        begun_ = 0;
        if (!open) return true;
        inside_ = true;
        held_.clear();
        held_.append(opening, arena_);
        return read_command(found);
    }
    return look_for_opening(found);
}

bool SsiScanner::look_for_opening(Found& found) {
    if (rest_.empty()) return false;
    const auto at = rest_.find(opening);
    if (at != std::string_view::npos) {
        found.text = rest_.substr(0, at);
        rest_.remove_prefix(at + opening.size());
        inside_ = true;
        held_.clear();
        held_.append(opening, arena_);
        return true;
    }
    for (auto size = std::min(rest_.size(), opening.size() - 1); size != 0 && begun_ == 0; --size)
        if (opening.starts_with(rest_.substr(rest_.size() - size))) begun_ = size;
    found.text = rest_.substr(0, rest_.size() - begun_);
    rest_ = {};
    return true;
}

// True behind the last letter of a closing that no quotes hide.
bool SsiScanner::ends_here(char c) {
    if (escaped_) {
        escaped_ = false;
    } else if (quote_ != 0) {
        if (c == '\\') escaped_ = true;
        else if (c == quote_) quote_ = 0;
    } else if (c == '"' || c == '\'') {
        quote_ = c;
    } else if (c == '>') {
        return held_.text().ends_with("--") && held_.size() >= opening.size() + closing.size() - 1;
    }
    return false;
}

// Up to the end of the command, or of what is here.
bool SsiScanner::read_command(Found& found) {
    while (!rest_.empty() && held_.size() < longest_command) {
        const char c = rest_.front();
        const bool ends = ends_here(c);
        held_.append(rest_.substr(0, 1), arena_);
        rest_.remove_prefix(1);
        if (!ends) continue;
        inside_ = false;
        found.has_command = true;
        found.source = held_.text();
        parse(found.command);
        return true;
    }
    if (held_.size() < longest_command) return false;
    // A command without an end is text.
    inside_ = escaped_ = false;
    quote_ = 0;
    found.text = held_.text();
    return true;
}

void SsiScanner::parse(SsiCommand& command) {
    command = {};
    plain_.clear();
    plain_.append(held_.text(), arena_);
    auto text = plain_.text().substr(opening.size(), plain_.size() - opening.size() - closing.size());
    skip_blanks(text);
    command.name = take_word(text);
    if (command.name.empty()) command.problem = "no name of an SSI command";
    for (skip_blanks(text); !text.empty() && command.problem.empty(); skip_blanks(text)) {
        SsiCommand::Parameter one;
        one.key = take_word(text);
        skip_blanks(text);
        bool ok = !one.key.empty() && text.starts_with('=');
        if (ok) text.remove_prefix(1);
        skip_blanks(text);
        ok = ok && !text.empty() && take_quoted(text, one.value);
        if (!ok) command.problem = "invalid parameter of an SSI command";
        else if (command.count == SsiCommand::most) command.problem = "too many SSI command parameters";
        else if (one.value.size() > most_value_) command.problem = "too long value of an SSI command parameter";
        else command.parameters[command.count++] = one;
    }
}

}  // namespace weir::exchange
