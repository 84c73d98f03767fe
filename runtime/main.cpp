// SPDX-License-Identifier: Apache-2.0
// The command line's work, and the only place that joins the layers: front-ends, plan, processes.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>

#include "parser/base/diag.hpp"
#include "parser/ir/config.hpp"
#include "modules/module.hpp"
#include "parser/load.hpp"
#include "runtime/exchange/client_side.hpp"
#include "runtime/net/tls_memory.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/plan/tls.hpp"
#include "runtime/process/daemon.hpp"
#include "runtime/process/demo.hpp"
#include "runtime/process/warm.hpp"
#include "runtime/process/master.hpp"
#include "runtime/process/notify.hpp"
#include "runtime/process/personality.hpp"
#include "runtime/process/report.hpp"
#include "runtime/process/request.hpp"
#include "runtime/process/title.hpp"
#include "runtime/warden/warden.hpp"

namespace weir {
namespace {

using process::CommandLine;
using process::Personality;
using Command = CommandLine::Command;

void print_out(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void print_error(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

// -- from the command line to what the layers take ---------------------------------------------

std::vector<Input> inputs_of(const CommandLine& line) {
    std::vector<Input> inputs;
    for (const auto& file : line.files) {
        Input input;
        input.path = file.path;
        switch (file.language) {
            case CommandLine::File::Language::detect: break;
            case CommandLine::File::Language::nginx: input.dialect = Dialect::nginx; break;
            case CommandLine::File::Language::haproxy: input.dialect = Dialect::haproxy; break;
        }
        inputs.push_back(std::move(input));
    }
    return inputs;
}

LoadOptions options_of(const CommandLine& line) {
    LoadOptions options;
    if (!line.prefix.empty()) options.prefix = line.prefix;
    if (!options.prefix.ends_with('/')) options.prefix += '/';
    options.global_directives = line.global_directives;
    options.error_log = line.error_log;
    options.offline = line.offline;
    return options;
}

// Default files, and paths as the personality completes them.
void complete(CommandLine& line) {
    if (line.personality == Personality::nginx) {
        if (line.files.empty())
            line.files.push_back({CommandLine::File::Language::nginx, "/etc/nginx/nginx.conf"});
        for (auto& file : line.files)
            if (!file.path.starts_with('/')) file.path = options_of(line).prefix + file.path;
    }
    if (line.personality == Personality::weir && line.files.empty())
        line.files.push_back({CommandLine::File::Language::detect, "/etc/weir/weir.conf"});
}

// What HAProxy configurations find in their environment.
void set_haproxy_environment(const CommandLine& line) {
    std::string files;
    for (const auto& file : line.files) files += (files.empty() ? "" : ";") + file.path;
    ::setenv("HAPROXY_CFGFILES", files.c_str(), 1);
    char host[256] = "localhost";
    ::gethostname(host, sizeof host - 1);
    ::setenv("HAPROXY_LOCALPEER", line.local_peer.empty() ? host : line.local_peer.c_str(), 1);
    if (line.master_worker) ::setenv("HAPROXY_MWORKER", "1", 1);
}

bool has_nginx(const std::vector<Input>& inputs, SourceSet& set) {
    return std::any_of(inputs.begin(), inputs.end(), [&](const Input& input) {
        if (input.dialect != Dialect::detect) return input.dialect == Dialect::nginx;
        auto text = set.read(input.path, Purpose::configuration);
        return text && detect_dialect(*text) == Dialect::nginx;
    });
}

// Where the pid file is when the configuration does not say.
std::string default_pid_file(const CommandLine& line) {
    if (!line.pid_file.empty()) return line.pid_file;
    if (line.personality == Personality::nginx)
        return line.prefix.empty() ? "/run/nginx.pid" : options_of(line).prefix + "logs/nginx.pid";
    if (line.personality == Personality::haproxy) return "";
    if (!line.prefix.empty()) return options_of(line).prefix + "weir.pid";
    if (::geteuid() == 0) return "/run/weir.pid";
    const char* folder = std::getenv("XDG_RUNTIME_DIR");
    return folder ? std::string(folder) + "/weir.pid" : fmt::format("/tmp/weir-{}.pid", ::geteuid());
}

// Text to IR with what the command line and the dialect's own defaults add.
std::optional<ir::Config> load(const CommandLine& line, SourceSet& set, SourceMap& sources,
                               diag::Sink& sink) {
    const auto inputs = inputs_of(line);
    for (const auto& [path, text] : line.built_in) set.put(path, text);
    auto config = load_config(inputs, options_of(line), set, sources, modules::rows(), sink);
    if (!config) return std::nullopt;
    ir::Process& process = config->process;
    if (process.pid_file.empty() && line.command != Command::demo)
        process.pid_file = default_pid_file(line);
    if (line.max_connections != 0) process.max_connections = line.max_connections;
    // nginx's workers never stay root; its built-in user is nobody.
    if (process.user.empty() && has_nginx(inputs, set)) {
        process.user = "nobody";
        process.group = "nogroup";
    }
    return config;
}

std::shared_ptr<const void> compile(std::shared_ptr<const ir::Config> config, diag::Sink& sink) {
    std::vector<route::Library::Problem> problems;
    auto plan = plan::Plan::compile(std::move(config), modules::all(), problems);
    for (auto& one : problems) sink.error(one.span, "cannot-compile", std::move(one.text));
    return problems.empty() ? plan : nullptr;
}

process::Program program_of(const CommandLine& line) {
    process::Program program;
    program.load = [line](SourceSet& set, SourceMap& sources,
                          diag::Sink& sink) -> std::shared_ptr<const ir::Config> {
        auto config = load(line, set, sources, sink);
        return config ? std::make_shared<const ir::Config>(std::move(*config)) : nullptr;
    };
    program.compile = compile;
    program.check = plan::check_tls;
    program.make_body = [](process::Role role) -> std::unique_ptr<process::WorkerBody> {
        if (role == process::Role::warden) {
            std::vector<filter::Commands> commands;
            for (const auto* module : modules::all())
                if (!module->commands.empty()) commands.push_back(module->commands);
            return std::make_unique<warden::Warden>(warden::Warden::Listener{}, std::move(commands));
        }
        return std::make_unique<exchange::ClientSide>();
    };
    return program;
}

// -- test and print ----------------------------------------------------------------------------

struct Tested {
    SourceMap sources;
    diag::Sink sink;
    std::shared_ptr<const ir::Config> config;
    bool good = false;
};

// Reads, lowers, validates and compiles; binds, makes and writes nothing.
void test(const CommandLine& line, Tested& result) {
    LiveWorld live;
    OfflineWorld offline;
    SourceSet set(line.offline ? static_cast<World&>(offline) : live);
    auto program = program_of(line);
    result.config = program.load(set, result.sources, result.sink);
    const bool compiled = result.config && program.compile(result.config, result.sink);
    if (result.config && program.check) program.check(*result.config, result.sink);
    if (compiled && !line.offline)
        process::find_identity(result.config->process, result.sink);
    result.good = compiled && !result.sink.failed();
}

std::string dump_of(const SourceMap& sources) {
    std::string text;
    for (FileId id = 0; id < sources.size(); ++id) {
        const auto& file = sources.file(id);
        text += fmt::format("# configuration file {}:\n{}", file.name, file.text);
        text += file.text.ends_with('\n') ? "\n" : "\n\n";
    }
    return text;
}

int finish_haproxy_test(const CommandLine& line, const Tested& result) {
    const bool refused =
        line.warnings_fatal && result.sink.count(diag::Severity::warning) != 0;
    auto alert = [](const std::string& text) {
        print_error(process::log_line(Personality::haproxy, 1, text));
    };
    if (result.good && !refused) {
        if (line.verbose) print_out("Configuration file is valid\n");
        return 0;
    }
    if (!result.good) {
        for (const auto& file : line.files)
            alert("config : Error(s) found in configuration file : " + file.path);
        alert("config : Fatal errors found in configuration.");
    } else {
        alert("Some warnings were found and 'zero warning' is set. Aborting.");
    }
    return 1;
}

int run_test(const CommandLine& line) {
    Tested result;
    test(line, result);
    if (line.format == "json") {
        print_out(diag::render_json(result.sink, result.sources));
        return result.good ? 0 : 1;
    }
    if (!line.quiet || !result.good)
        print_error(process::render(result.sink, result.sources, line.personality, line.with_advice));
    if (line.personality == Personality::haproxy) {
        const int status = finish_haproxy_test(line, result);
        if (status == 0 && line.command == Command::dump) print_out(dump_of(result.sources));
        return status;
    }
    const char* name = process::name_of(line.personality);
    for (const auto& file : line.files) {
        if (!result.good) {
            print_error(fmt::format("{}: configuration file {} test failed\n", name, file.path));
        } else if (!line.quiet) {
            print_error(fmt::format("{0}: the configuration file {1} syntax is ok\n"
                                    "{0}: configuration file {1} test is successful\n",
                                    name, file.path));
        }
    }
    if (result.good && line.command == Command::dump) print_out(dump_of(result.sources));
    return result.good ? 0 : 1;
}

int print_ir(const CommandLine& line) {
    Tested result;
    LiveWorld live;
    OfflineWorld offline;
    SourceSet set(line.offline ? static_cast<World&>(offline) : live);
    auto config = load_config(inputs_of(line), options_of(line), set, result.sources,
                              modules::rows(), result.sink);
    print_error(process::render(result.sink, result.sources, line.personality, line.with_advice));
    if (!config) return 1;
    print_out(ir::print(*config));
    return 0;
}

// haproxy -cc: the condition decides whether an alert is met.
int check_condition(const CommandLine& line) {
    LiveWorld world;
    SourceSet set(world);
    SourceMap sources;
    diag::Sink sink;
    set.put("condition", ".if " + line.condition + "\n.else\n.alert \"is false\"\n.endif\n");
    (void)load_config({{Dialect::haproxy, "condition"}}, {}, set, sources, {}, sink);
    for (const auto& entry : sink.all())
        if (entry.severity == diag::Severity::error) {
            if (entry.message.find("is false") == std::string::npos)
                print_error(process::render(sink, sources, line.personality, false));
            return 1;
        }
    return 0;
}

// -- talking to the running one ----------------------------------------------------------------

// The pid directive of a configuration that cannot be loaded: one must be able to stop it all the same.
std::string scan_pid_file(const CommandLine& line) {
    std::string text = line.global_directives + "\n";
    LiveWorld world;
    for (const auto& file : line.files)
        if (auto bytes = world.read(file.path, Purpose::configuration)) text += *bytes + "\n";
    for (std::size_t at = 0; (at = text.find("pid", at)) != std::string::npos; at += 3) {
        const bool first = at == 0 || std::strchr(" \t\n;", text[at - 1]);
        const std::size_t begin = text.find_first_not_of(" \t", at + 3);
        if (!first || begin == at + 3 || begin == std::string::npos) continue;
        auto name = text.substr(begin, text.find_first_of("; \t\r\n", begin) - begin);
        return name.starts_with('/') ? name : options_of(line).prefix + name;
    }
    return default_pid_file(line);
}

int complain(const CommandLine& line, const std::string& text) {
    print_error(fmt::format("{}: [error] {}\n", process::name_of(line.personality), text));
    return 1;
}

std::string pid_file_of(const CommandLine& line) {
    if (!line.pid_file.empty()) return line.pid_file;
    OfflineWorld world;   // certificates and names have no say in it
    SourceSet set(world);
    SourceMap sources;
    diag::Sink sink;
    auto config = load(line, set, sources, sink);
    return config ? config->process.pid_file : scan_pid_file(line);
}

int send_verb(const CommandLine& line, const std::string& verb) {
    const std::string path = pid_file_of(line);
    auto pid = process::read_pid_file(path);
    if (!pid) return complain(line, pid.error());
    constexpr int patience_ms = 300000;
    if (auto reply = process::ask_master(*pid, verb, patience_ms)) {
        if (!line.quiet || reply->status != 0) print_error(reply->text);
        return reply->status;
    }
    if (verb == "ping") return complain(line, fmt::format("no weir with process id {}", *pid));
    // A master without control socket, or the real nginx: the signal, and no answer.
    const int signal = verb == "stop" ? SIGTERM : verb == "quit" ? SIGQUIT
                       : verb == "reopen" ? SIGUSR1 : SIGHUP;
    if (::kill(*pid, signal) != 0)
        return complain(line, fmt::format("kill({}, {}) failed ({}: {})", *pid, signal, errno,
                                          std::strerror(errno)));
    return 0;
}

// -- run -----------------------------------------------------------------------------------------

// As a program that never handled the signal: whoever waits for this process sees it in the status.
void die_by(int signal) {
    ::signal(signal, SIG_DFL);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, signal);
    ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
    ::raise(signal);
}

int run(const CommandLine& line, const std::vector<std::string>& arguments,
        std::function<void()> on_up = {}) {
    process::MasterOptions options;
    options.on_up = std::move(on_up);
    options.personality = line.personality;
    options.daemon = line.daemon;
    if (line.personality == Personality::weir && !options.daemon) options.daemon = false;
    options.pid_file = line.pid_file;
    options.quiet = line.quiet;
    options.looks_single = line.personality == Personality::haproxy && !line.master_worker;
    options.warnings_fatal = line.warnings_fatal;
    options.arguments = arguments;
    options.finish = line.finish;
    options.terminate = line.terminate;
    options.sockets_from = line.sockets_from;
    if (!line.quiet)
        for (const auto& option : line.without_effect)
            print_error(process::log_line(line.personality, 4,
                                          "option '" + option + "' has no effect in weir"));
    const bool single = options.looks_single;
    const int status = process::Master(std::move(options), program_of(line)).run();
    if (single && (status == 128 + SIGINT || status == 128 + SIGTERM)) die_by(status - 128);
    return status;
}

int run_demo(CommandLine line, const std::vector<std::string>& arguments) {
    auto demo = process::make_demo(process::loopback_port_is_free);
    if (!demo.problem.empty()) return complain(line, demo.problem);
    using Language = CommandLine::File::Language;
    line.files = {{Language::nginx, demo.files[0].first}, {Language::haproxy, demo.files[1].first}};
    line.built_in = std::move(demo.files);
    line.quiet = true;
    return run(line, arguments, [greeting = std::move(demo.greeting)] {
        print_out(greeting);
        std::fflush(stdout);
    });
}

int print_keywords(const CommandLine& line) {
    auto format = keyword::DumpFormat::man;
    if (line.format == "json") format = keyword::DumpFormat::json;
    if (line.format == "bash") format = keyword::DumpFormat::bash;
    std::string_view program = line.keywords_of == "nginx" ? "nginx" : "HAProxy";
    if (line.keywords_of.empty()) program = {};
    print_out(dump_keywords(format, modules::rows(), program));
    return 0;
}

int refuse(const CommandLine& line) {
    const char* name = process::name_of(line.personality);
    if (line.personality == Personality::haproxy) {
        if (line.problem != "usage") print_error(fmt::format("{}: {}\n", name, line.problem));
        print_error(process::help_of(line.personality));
    } else {
        print_error(fmt::format("{}: {}\n", name, line.problem));
        if (line.personality == Personality::weir) print_error("weir: try weir -h\n");
    }
    return 1;
}

int perform(CommandLine line, const std::vector<std::string>& arguments) {
    if (!line.problem.empty()) return refuse(line);
    if (!line.folder.empty() && ::chdir(line.folder.c_str()) != 0)
        return complain(line, fmt::format("cannot change to {}: {}", line.folder, std::strerror(errno)));
    complete(line);
    if (line.personality != Personality::nginx) set_haproxy_environment(line);
    // nginx writes all of these to stderr, HAProxy to stdout.
    auto show = line.personality == Personality::nginx ? print_error : print_out;
    switch (line.command) {
        case Command::help: show(process::help_of(line.personality)); return 0;
        case Command::version: show(process::version_text_of(line.personality)); return 0;
        case Command::version_long: show(process::long_version_of(line.personality)); return 0;
        case Command::test:
        case Command::dump: return run_test(line);
        case Command::print_ir: return print_ir(line);
        case Command::check_condition: return check_condition(line);
        case Command::signal: return send_verb(line, line.verb);
        case Command::ping: return send_verb(line, "ping");
        case Command::keywords: return print_keywords(line);
        case Command::warm: return process::warm({line.warm_file, line.warm_to, line.warm_at_once});
        case Command::demo: return run_demo(std::move(line), arguments);
        case Command::run: return run(line, arguments);
    }
    return 1;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
    weir::net::keep_tls_memory_in_slabs();
    const std::vector<std::string> arguments(argv, argv + argc);
    weir::process::keep_title_space(argc, argv);
    weir::process::keep_notify_socket();
    auto line = weir::process::parse_command_line(arguments);
    weir::process::set_comm(weir::process::name_of(line.personality));
    return weir::perform(std::move(line), arguments);
}
