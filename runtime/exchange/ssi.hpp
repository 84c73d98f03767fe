// SPDX-License-Identifier: Apache-2.0
// Commands in the text of answers (nginx ssi): found here, carried out by the exchange. Text comes in
// pieces; a command may lie across them. All memory is of arenas.
#pragma once

#include <string_view>

#include "runtime/base/arena.hpp"

namespace weir::exchange {

// A text that grows in an arena, which keeps what it had before.
class GrowingText {
public:
    void append(std::string_view text, Arena& arena);
    void clear() { size_ = 0; }
    [[nodiscard]] std::string_view text() const { return {at_, size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] char* data() { return at_; }

private:
    char* at_ = nullptr;
    std::size_t size_ = 0, room_ = 0;
};

// <!--#name key="value" ... -->
struct SsiCommand {
    struct Parameter {
        std::string_view key, value;   // without quotes and the backslashes before them
    };
    static constexpr std::size_t most = 16;
    std::string_view name;
    Parameter parameters[most];
    std::size_t count = 0;
    std::string_view problem;          // why it is none; empty: it is one

    // Null: there is none of that name.
    [[nodiscard]] const Parameter* find(std::string_view key) const;
    [[nodiscard]] std::string_view value(std::string_view key) const;   // empty without
};

class SsiScanner {
public:
    // `most_value`: longest value of a parameter (ssi_value_length).
    SsiScanner(Arena& arena, std::size_t most_value) : arena_(arena), most_value_(most_value) {}
    // More of the text, whose bytes must stay until next() wants more. A command that has no end when
    // all of it was fed is left out.
    void feed(std::string_view bytes);
    struct Found {
        std::string_view text;         // to be passed on, before the command
        bool has_command = false;
        std::string_view source;       // of the command as it stands there
        SsiCommand command;
    };
    // False: all that is here is looked at. What it found is valid until the next call.
    bool next(Found& found);

private:
    bool look_for_opening(Found& found);
    bool read_command(Found& found);
    [[nodiscard]] bool ends_here(char c);
    void parse(SsiCommand& command);

    Arena& arena_;
    std::size_t most_value_;
    std::string_view rest_;
    bool inside_ = false;
    std::size_t begun_ = 0;            // letters of the opening seen at the end of the text before
    GrowingText held_;                 // the command so far, from its opening on
    GrowingText plain_;                // a copy whose values are freed of backslashes
    char quote_ = 0;                   // the one that is open
    bool escaped_ = false;             // behind a backslash
};

// What the commands of one page share with the pages that it includes; lies in the arena of that page.
struct SsiPage {
    struct Named {
        std::string_view name;         // in small letters
        GrowingText text;
        Named* next;
    };
    Arena& arena;
    Named* variables = nullptr;        // set
    Named* blocks = nullptr;           // block
    std::string_view error = "[an error occurred while processing the directive]";
    const char* date_format = nullptr; // timefmt; null: the usual one
    std::uint32_t depth = 0;           // pages within pages
    std::uint32_t includes = 0;        // so far
    static constexpr std::uint32_t most_depth = 50;
    // A page that includes itself twice would never end otherwise.
    static constexpr std::uint32_t most_includes = 65535;

    static Named* find(Named* list, std::string_view name);
    Named& make(Named*& list, std::string_view name);    // found, or an empty one
    void set(Named*& list, std::string_view name, std::string_view text);
};

}  // namespace weir::exchange
