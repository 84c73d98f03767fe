// SPDX-License-Identifier: Apache-2.0
// Diagnostics: what -t tells an operator. Everything in parser/ reports here and goes on; nobody
// prints, exits or throws. The command line renders the collected list once, in reading order.
#pragma once

#include <string>
#include <vector>

#include "parser/base/source.hpp"

namespace weir::diag {

enum class Severity : std::uint8_t {
    advice,   // shown with -tt only
    warning,  // starts, but differs from what the dialect promises
    error,    // will not start
};

struct Diagnostic {
    Severity severity = Severity::error;
    Span span;            // the word at fault
    std::string message;  // one sentence: names the word and what was expected
    std::string hint;     // the next step for a person; may be empty
    std::string id;       // stable slug such as "unknown-directive", for silencing and tests
};

class Sink {
public:
    void add(Diagnostic diagnostic) { all_.push_back(std::move(diagnostic)); }
    void error(Span span, std::string id, std::string message, std::string hint = {});
    void warning(Span span, std::string id, std::string message, std::string hint = {});
    void advice(Span span, std::string id, std::string message, std::string hint = {});

    [[nodiscard]] bool failed() const;
    [[nodiscard]] std::size_t count(Severity severity) const;
    [[nodiscard]] const std::vector<Diagnostic>& all() const { return all_; }
    // Puts the list into reading order (stable).
    void sort(const SourceMap& sources);

private:
    std::vector<Diagnostic> all_;
};

// file:line:column: severity: message, then the source line, a caret line and "hint: ...".
std::string render_text(const Diagnostic& diagnostic, const SourceMap& sources);
// One JSON object per diagnostic, in an array.
std::string render_json(const Sink& sink, const SourceMap& sources);
const char* name_of(Severity severity);
// JSON string literal with quotes. Bytes that are not UTF-8 come out as U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace weir::diag
