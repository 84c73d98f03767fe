// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/personality.hpp"

#include <charconv>
#include <string_view>

namespace weir::process {

namespace {

using Arguments = std::vector<std::string>;
using File = CommandLine::File;
using Command = CommandLine::Command;

template <class Number>
bool to_number(const std::string& text, Number& value) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

bool is_verb(const std::string& word) {
    return word == "stop" || word == "quit" || word == "reload" || word == "reopen";
}

std::string base_name(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

// Letters may be joined ("-tq") and a value may follow its letter at once ("-c/x") or as the next
// word, as nginx takes them.
CommandLine parse_nginx(const Arguments& arguments) {
    CommandLine line;
    line.personality = Personality::nginx;
    auto fail = [&](std::string text) {
        if (line.problem.empty()) line.problem = std::move(text);
    };
    for (std::size_t i = 1; i < arguments.size() && line.problem.empty(); ++i) {
        const std::string& word = arguments[i];
        if (word.empty() || word[0] != '-') {
            fail("invalid option: \"" + word + "\"");
            break;
        }
        for (std::size_t at = 1; at < word.size(); ++at) {
            auto value = [&](const char* needs, std::string& into) {
                if (at + 1 < word.size())
                    into = word.substr(at + 1);
                else if (i + 1 < arguments.size() && !arguments[i + 1].empty())
                    into = arguments[++i];
                else
                    fail(std::string("option \"-") + word[at] + "\" requires " + needs);
                at = word.size();
            };
            switch (word[at]) {
                case '?':
                case 'h': line.command = Command::help; break;
                case 'v': line.command = Command::version; break;
                case 'V': line.command = Command::version_long; break;
                case 't':
                    if (line.command != Command::dump) line.command = Command::test;
                    break;
                case 'T': line.command = Command::dump; break;
                case 'q': line.quiet = true; break;
                case 'p': value("directory name", line.prefix); break;
                case 'e': value("file name", line.error_log); break;
                case 'g': value("parameter", line.global_directives); break;
                case 'c': {
                    std::string path;
                    value("file name", path);
                    line.files = {{File::Language::nginx, path}};
                    break;
                }
                case 's':
                    value("parameter", line.verb);
                    line.command = Command::signal;
                    if (line.problem.empty() && !is_verb(line.verb))
                        fail("invalid option: \"-s " + line.verb + "\"");
                    break;
                default: fail(std::string("invalid option: \"") + word[at] + "\""); break;
            }
        }
    }
    return line;
}

// Debug switches of HAProxy that choose between ways of doing the same thing: weir has one way.
bool is_tuning_switch(std::string_view flag) {
    for (std::string_view known : {"de", "dp", "dS", "dG", "dR", "dV", "dZ", "dv", "dF"})
        if (flag == known) return true;
    for (std::string_view start : {"dM", "dI", "dt", "dK"})
        if (flag.starts_with(start)) return true;
    return false;
}

class HaproxyParser {
public:
    explicit HaproxyParser(const Arguments& arguments) : arguments_(arguments) {
        line_.personality = Personality::haproxy;
    }

    CommandLine parse() {
        for (at_ = 1; at_ < arguments_.size() && line_.problem.empty(); ++at_) {
            const std::string& word = arguments_[at_];
            if (word == "--") {
                while (++at_ < arguments_.size()) add_file(arguments_[at_]);
                break;
            }
            if (word.size() < 2 || word[0] != '-' || !take(std::string_view(word).substr(1)))
                unknown(word);
        }
        if (line_.files.empty() && line_.problem.empty() && line_.command == Command::run)
            line_.problem = "usage";
        return std::move(line_);
    }

private:
    void unknown(const std::string& word) {
        if (line_.problem.empty()) line_.problem = "unknown option '" + word + "'";
    }
    void add_file(const std::string& path) {
        line_.files.push_back({File::Language::haproxy, path});
    }
    // The next word; HAProxy never takes it from within the option's own.
    std::string value(std::string_view flag) {
        if (at_ + 1 < arguments_.size()) return arguments_[++at_];
        line_.problem = "option '-" + std::string(flag) + "' requires an argument";
        return {};
    }
    template <class Number>
    void number(std::string_view flag, Number& into) {
        const std::string text = value(flag);
        if (line_.problem.empty() && !to_number(text, into))
            line_.problem = "'-" + std::string(flag) + "' expects a number, not '" + text + "'";
    }
    void pids(std::vector<pid_t>& into) {
        pid_t pid = 0;
        while (at_ + 1 < arguments_.size() && to_number(arguments_[at_ + 1], pid) && pid > 0) {
            into.push_back(pid);
            ++at_;
        }
    }

    bool take(std::string_view flag) {
        if (flag == "v") line_.command = Command::version;
        else if (flag == "vv") line_.command = Command::version_long;
        else if (flag == "V") line_.verbose = true;
        else if (flag == "q") line_.quiet = true;
        else if (flag == "c") line_.command = Command::test;
        else if (flag == "D") line_.daemon = true;
        else if (flag == "db" || flag == "d") line_.daemon = false;
        else if (flag == "W" || flag == "Ws") line_.master_worker = true;
        else if (flag == "dW") line_.warnings_fatal = true;
        else if (flag == "dD") line_.with_advice = true;
        else if (flag == "dr") line_.ignore_resolution = true;
        else if (flag == "sf") pids(line_.finish);
        else if (flag == "st") pids(line_.terminate);
        else if (flag.starts_with("dC")) line_.command = Command::dump;
        else if (flag == "dL" || is_tuning_switch(flag))
            line_.without_effect.push_back("-" + std::string(flag));
        else return take_with_value(flag);
        return true;
    }

    bool take_with_value(std::string_view flag) {
        std::uint32_t ignored = 0;
        if (flag == "f") add_file(value(flag));
        else if (flag == "p") line_.pid_file = value(flag);
        else if (flag == "C") line_.folder = value(flag);
        else if (flag == "L") line_.local_peer = value(flag);
        else if (flag == "n") number(flag, line_.max_connections);
        else if (flag == "m") number(flag, line_.max_megabytes);
        else if (flag == "N") {
            number(flag, ignored);
            line_.without_effect.push_back("-N");
        } else if (flag == "x") {
            line_.sockets_from = value(flag);
        } else if (flag == "S") {
            (void)value(flag);
            line_.without_effect.push_back("-" + std::string(flag));
        } else if (flag == "cc") {
            line_.command = Command::check_condition;
            line_.condition = value(flag);
        } else {
            return false;
        }
        return true;
    }

    const Arguments& arguments_;
    std::size_t at_ = 1;
    CommandLine line_;
};

class WeirParser {
public:
    explicit WeirParser(const Arguments& arguments) : arguments_(arguments) {}

    CommandLine parse() {
        at_ = 1;
        if (arguments_.size() > 1) take_subcommand(arguments_[1]);
        for (; at_ < arguments_.size() && line_.problem.empty(); ++at_) {
            const std::string& word = arguments_[at_];
            if (!take(word)) {
                if (line_.command == Command::warm && line_.warm_file.empty() && (word == "-" || word[0] != '-'))
                    line_.warm_file = word;
                else if (wants_file_ && word[0] != '-')
                    line_.files.push_back({File::Language::detect, word});
                else if (line_.command == Command::keywords && (word == "nginx" || word == "haproxy"))
                    line_.keywords_of = word;
                else
                    line_.problem = "unknown option \"" + word + "\"";
            }
        }
        if (line_.command == Command::print_ir && line_.files.empty() && line_.problem.empty())
            line_.problem = "\"weir ir\" needs a file";
        if (line_.command == Command::warm && line_.warm_file.empty() && line_.problem.empty())
            line_.problem = "\"weir warm\" needs a file with URLs, or - for standard input";
        return std::move(line_);
    }

private:
    void take_subcommand(const std::string& word) {
        struct Sub {
            std::string_view name;
            Command command;
        };
        for (Sub sub : {Sub{"ir", Command::print_ir}, Sub{"keywords", Command::keywords},
                        Sub{"demo", Command::demo}, Sub{"ping", Command::ping},
                        Sub{"warm", Command::warm}, Sub{"help", Command::help}})
            if (word == sub.name) {
                line_.command = sub.command;
                wants_file_ = sub.command == Command::print_ir;
                ++at_;
                return;
            }
    }
    std::string value(const std::string& option) {
        if (at_ + 1 < arguments_.size()) return arguments_[++at_];
        line_.problem = "option \"" + option + "\" needs a value";
        return {};
    }
    bool take(const std::string& word) {
        if (word == "-c" || word == "--config" || word == "-f")
            line_.files.push_back({File::Language::detect, value(word)});
        else if (word == "--nginx") line_.files.push_back({File::Language::nginx, value(word)});
        else if (word == "--haproxy") line_.files.push_back({File::Language::haproxy, value(word)});
        else if (word == "-t" || word == "--test") line_.command = Command::test;
        else if (word == "-tt") line_.command = Command::test, line_.with_advice = true;
        else if (word == "-T") line_.command = Command::dump;
        else if (word == "-q") line_.quiet = true;
        else if (word == "-p") line_.prefix = value(word);
        else if (word == "-e") line_.error_log = value(word);
        else if (word == "-g") line_.global_directives = value(word);
        else if (word == "-D" || word == "--daemon") line_.daemon = true;
        else if (word == "--pid") line_.pid_file = value(word);
        else if (word == "--offline") line_.offline = true;
        else if (word == "-v" || word == "--version") line_.command = Command::version;
        else if (word == "-V") line_.command = Command::version_long;
        else if (word == "-h" || word == "--help" || word == "-?") line_.command = Command::help;
        else return take_checked(word);
        return true;
    }
    bool take_checked(const std::string& word) {
        if (line_.command == Command::warm && word == "--to") {
            line_.warm_to = value(word);
            return true;
        }
        if (line_.command == Command::warm && word == "-n") {
            const auto text = value(word);
            const bool good = to_number(text, line_.warm_at_once) && line_.warm_at_once >= 1 && line_.warm_at_once <= 256;
            if (!good && line_.problem.empty()) line_.problem = "\"-n\" expects a number from 1 to 256, not \"" + text + "\"";
            return true;
        }
        if (word == "--format") {
            line_.format = value(word);
            const bool keywords = line_.command == Command::keywords;
            bool known = false;
            for (std::string_view format : {"text", "json", "man", "bash"})
                known = known || (line_.format == format &&
                                  (keywords ? format != "text" : format != "man" && format != "bash"));
            if (!known && line_.problem.empty())
                line_.problem = "unknown format \"" + line_.format + "\"";
            return true;
        }
        if (word == "-s") {
            line_.verb = value(word);
            line_.command = Command::signal;
            if (!is_verb(line_.verb) && line_.problem.empty())
                line_.problem = "\"-s " + line_.verb + "\": use stop, quit, reload or reopen";
            return true;
        }
        return false;
    }

    const Arguments& arguments_;
    std::size_t at_ = 1;
    bool wants_file_ = false;
    CommandLine line_;
};

}  // namespace

Personality personality_of(const std::string& argv0) {
    const std::string name = base_name(argv0);
    if (name == "nginx") return Personality::nginx;
    if (name == "haproxy") return Personality::haproxy;
    return Personality::weir;
}

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
    switch (personality_of(arguments.empty() ? "" : arguments[0])) {
        case Personality::nginx: return parse_nginx(arguments);
        case Personality::haproxy: return HaproxyParser(arguments).parse();
        case Personality::weir: break;
    }
    return WeirParser(arguments).parse();
}

}  // namespace weir::process
