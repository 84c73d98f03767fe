// SPDX-License-Identifier: Apache-2.0
// What the rows of the dialect work on. Run is one load: the names defined so far and the IR being
// built. Block is one open block of the configuration, the scope that apply functions get; it holds
// the settings inherited so far and knows what is being filled in (site, route, pool).
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "parser/keyword/keyword.hpp"
#include "parser/keyword/tls_files.hpp"
#include "parser/nginx/ast.hpp"
#include "parser/nginx/contexts.hpp"
#include "parser/nginx/load.hpp"

namespace weir::nginx {

// A variable that the configuration itself makes: set, map, or a named group of a regex.
struct Definition {
    // unsupported: defined by a directive that weir does not run; its uses are not errors of their own.
    enum class Kind : std::uint8_t { set, map, capture, unsupported } kind = Kind::set;
    std::uint32_t slot = 0;   // of Config.variables, maps or named_captures
};

// One address that servers listen on, and who said what about it.
struct Address {
    ir::ListenerId listener = 0;
    Span options_at;                                // where socket options were given
    Span default_at;                                // where default_server was given
    std::unordered_map<std::string, Span> names;    // server names taken on this address
};

// The tests of a match { } block, for health_check.
struct Match {
    std::vector<ir::HealthCheck::Step> expect;
    std::optional<ir::Text> send;
    Span span;
};

// http and stream have names of their own.
struct Subsystem {
    Contexts bit = 0;   // context::http or context::stream: what variables are allowed
    std::unordered_map<std::string, Definition> definitions;
    std::unordered_map<std::string, ir::Text> log_formats;
    std::unordered_map<std::string, ir::PoolId> pools;      // upstream blocks
    std::unordered_map<std::string, ir::PoolId> implicit;   // "host:port" of proxy_pass
    std::unordered_map<std::string, Match> matches;
    std::unordered_map<std::string, Address> addresses;     // by transport and endpoint
};

struct Run {
    const Options& options;
    SourceSet& set;
    SourceMap& sources;
    ir::Config& config;
    diag::Sink& sink;
    keyword::Registry directives, variables;
    ast::Arena arena;
    std::string file_folder;   // of the main file: where relative includes start
    std::string prefix;        // where other relative paths start
    Subsystem http{.bit = context::http}, stream{.bit = context::stream};
    keyword::TlsFiles tls_files;
    std::unordered_set<const keyword::Keyword*> warned;   // ignored keywords: said once
    std::vector<keyword::Argument> scratch;
    // Groups that blocks with the same parent and the same proxy_ lines have in common.
    std::unordered_map<std::string, ir::Shared<ir::ForwardSettings>> same_forward;
    // Groups whose files are read, by the group before: routes that share one go on sharing.
    std::unordered_map<const void*, std::pair<std::shared_ptr<ir::Shared<ir::ForwardSettings>>,
                                              ir::Shared<ir::ForwardSettings>>>
        finished_forward;
    // Conversions that some block asks for, by source and target: they are looked for at the end of http.
    std::map<std::pair<std::string, std::string>, Span> recodings;
    bool offers_names = false;   // offer_names() was called
    std::uint32_t unknown_words = 0;
    std::uint32_t lines_told = 0;
    std::uint32_t depth = 0;   // blocks around the one being read

    // " of a.conf:12", for hints; empty after the first hundred, for lines are counted each time.
    std::string at_line(Span span);

    // Relative to the prefix, as nginx does for logs and the pid file.
    [[nodiscard]] std::string full_path(std::string_view path) const;
};

// What listen and server_name have said of the server being read.
struct ListenUse {
    std::string key;   // into Subsystem::addresses
    bool is_default = false;
    Span span;
};
struct ServerDraft {
    std::vector<ListenUse> listens;
    std::unordered_set<std::string> keys;   // of listens
    Span span;
};

// What becomes of fields that an outer level adds to answers: add_header_inherit.
struct FieldInheritance {
    enum class How : std::uint8_t { on, off, merge } how = How::on;
    bool given = false;   // this block adds some itself
};

// The families of directives that say how requests go on: each has words of its own for the same things.
enum class Family : std::uint8_t { proxy, grpc, fastcgi, scgi, uwsgi };

// What the directives of a family other than proxy_ said; counts in the locations with its _pass and
// nowhere else (finish_forwarding).
struct FamilyWords {
    ir::Shared<ir::ForwardSettings> forward;
    ir::Shared<ir::CacheSettings> cache;
    ir::Milliseconds connect{60000}, send{60000}, read{60000};
    std::vector<ir::FieldEdit> header_list;   // grpc_set_header of this block
};

class Block : public keyword::Scope {
public:
    Block(Run& shared, Contexts place, Block* outer);

    Run& run;
    const Contexts here;
    Block* const parent;
    Subsystem* names = nullptr;   // http or stream; null outside of both

    ir::Settings own;             // inherited; changed by the rows
    ServerDraft* server = nullptr;
    ir::Site* site = nullptr;
    ir::Route* route = nullptr;   // the innermost location or if
    ir::Pool* pool = nullptr;     // inside upstream
    Match* match = nullptr;       // inside match
    std::vector<ir::Rule>* rules = nullptr;
    std::vector<ir::RouteId>* routes = nullptr;   // where locations of this block are listed
    std::unordered_set<std::string>* locations = nullptr;   // taken at this level

    // The directive being applied, for the rows that have a body.
    const ast::Directive* current = nullptr;
    std::size_t rules_before = 0;   // rules of this block that stood before it, inner ifs left out
    std::size_t ifs_placed = 0;     // rules that inner ifs have added so far

    // ssl_stapling, and what goes with it.
    struct Stapling {
        bool on = false, verified = false;
        ir::File file;
        std::string responder;
    } stapling;
    // proxy_set_header of this block; empty: the parent's list is inherited whole.
    std::vector<ir::FieldEdit> header_list;
    std::array<FamilyWords, 4> other_families;
    FamilyWords& words_of(Family family) { return other_families[static_cast<std::size_t>(family) - 1]; }
    Family passes = Family::proxy;   // by which _pass
    // The proxy_ lines of this block, word for word: what own.forward was made from.
    std::string forward_lines;
    // A line that may have said what is done here was wrong: that it is missing is not said as well.
    bool action_failed = false;
    FieldInheritance fields, trailers;
    Span charset_at;                // charset or source_charset of this block
    ir::Text secure_link, secure_link_md5;   // what $secure_link is made of
    std::uint32_t referers = ir::no_id;   // the map of valid_referers, for $invalid_referer
    bool folder_given = false;      // root or alias
    bool addresses_given = false;   // allow or deny
    Span health_check_at;
    std::optional<ir::HealthCheck> health_check;

    ir::Settings& settings() override { return own; }
    [[nodiscard]] Contexts where() const override { return here; }
    ir::Text text(const keyword::Argument& argument) override;

    // True for the first use of a row in this block: lists of the parent are replaced then.
    bool first_use(const keyword::Keyword& row) const;
    // Remembers a use; the earlier one when there was one.
    const Span* note_use(const keyword::Keyword& row, Span span);

    [[nodiscard]] bool in(Contexts places) const { return (here & places) != 0; }
    [[nodiscard]] bool in_stream() const { return names == &run.stream; }

    // Derives what depends on all simple directives of the block (the header list).
    void settle();
    // Notes a directive that may have changed own.forward.
    void note_forward_line(const keyword::Call& call);

private:
    struct Use {
        const keyword::Keyword* row;
        Span span;
    };
    void share_forward();
    void settle_family(FamilyWords& words, const FamilyWords& outer);
    void settle_fields(const FieldInheritance& inheritance,
                       std::vector<ir::ReplyField> ir::ReplyFields::*list);

    std::vector<Use> uses_;
};

// The scope of every apply function of this dialect.
inline Block& block_of(keyword::Scope& scope) { return static_cast<Block&>(scope); }

// keywords_replies.cpp
void note_recoding(Block& block);
void check_recodings(Run& run);
ir::Expr secure_link_value(Block& block, bool expires);
// variables.cpp: all variables become Config::asked_by_name when the configuration is read.
void offer_names(Block& block);
void collect_names(Run& run);

// What a request to a server carries when proxy_set_header says nothing else.
std::vector<ir::FieldEdit> default_forward_fields();
// The parameter that relatives of CGI get unless it is given: HTTP_HOST $host$is_request_port$request_port.
ir::ForwardSettings::Param default_host_param();

// "X" is known to nginx, not yet in weir: for parameters that have no row.
void refuse_parameter(Block& block, const keyword::Call& call, const keyword::Argument& argument);
// invalid parameter "x" of "directive".
void invalid_parameter(Block& block, const keyword::Call& call, const keyword::Argument& argument,
                       std::string hint = {});

// Splits "name=value"; true when the argument starts with `name` (which holds the '=').
inline bool key_value(std::string_view text, std::string_view name, std::string_view& value) {
    if (!text.starts_with(name)) return false;
    value = text.substr(name.size());
    return true;
}

}  // namespace weir::nginx
