// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/command_line.hpp"

namespace weir::warden {

std::vector<CommandText> parse_commands(std::string_view line) {
    std::vector<CommandText> commands(1);
    std::string word;
    bool in_word = false;
    auto end_word = [&] {
        if (in_word) commands.back().words.push_back(std::move(word));
        word.clear();
        in_word = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\' && i + 1 < line.size()) {
            word += line[++i];
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            end_word();
        } else if (c == ';') {
            end_word();
            commands.emplace_back();
        } else {
            word += c;
            in_word = true;
        }
    }
    end_word();
    for (auto& command : commands) {
        constexpr std::size_t longest_end = 64;   // of HAProxy
        if (command.words.empty() || !command.words.back().starts_with("<<") ||
            command.words.back().size() > 2 + longest_end)
            continue;
        command.takes_payload = true;
        command.payload_end = command.words.back().substr(2);
        command.words.pop_back();
    }
    std::erase_if(commands, [](const CommandText& one) { return one.words.empty(); });
    return commands;
}

}  // namespace weir::warden
