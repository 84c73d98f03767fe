// SPDX-License-Identifier: Apache-2.0
// Exchange: one request and its one answer. run() is the table of contents; nobody else orders the
// steps. rules.cpp runs rules, reply.cpp makes and sends answers, forward/ asks servers.
#pragma once

#include <optional>

#include "runtime/exchange/connection.hpp"
#include "runtime/exchange/paced_body.hpp"
#include "runtime/exchange/ssi.hpp"
#include "runtime/filter/filtered_body.hpp"
#include "runtime/forward/forward.hpp"
#include "runtime/http/bytes_body.hpp"
#include "runtime/http/carrier.hpp"
#include "runtime/http/conditional.hpp"
#include "runtime/http/file_parts.hpp"

namespace weir::cache {
struct Kept;
}
namespace weir::zone {
class Shelf;
}

namespace weir::exchange {

// What a head may be, as the settings of a site say.
http::HeadLimits head_limits(const ir::ClientLimits& limits);

class OpenFile;
template <class Keeper>
class TeeBody;
class SavedAnswer;
using SavingBody = TeeBody<SavedAnswer>;
class StoredFile;
using StoringBody = TeeBody<StoredFile>;
class ShelvingBody;
struct CacheUse;
struct ShelfUse;

class Exchange {
public:
    // The carrier has the request, and takes the answer; both outlive the exchange.
    Exchange(Connection& connection, http::Carrier& carrier);
    // An inner request (inner.hpp) of another exchange, which outlives it.
    Exchange(Exchange& outer, http::Carrier& carrier, std::string_view uri);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // True when the connection can carry another request.
    net::Task<bool> run();

private:
    // What comes next.
    enum class Next : std::uint8_t {
        rules,      // the site's rules are to be run
        route,      // pick a route for the current URI
        perform,    // route_ is set and its rules ran: do its action
        ask,        // a server, or go on with what it said: what is kept does not answer
        wait,       // for what wait_ says, then on with the rules behind that one
        look,       // on the disk, which may take its time
        reply,      // reply_ is ready
        close,      // end the connection without a word
        done,       // answered by other means (tunnel)
    };

    // exchange.cpp
    ir::SiteId first_site(const plan::Listener& listener);
    void choose_site();
    http::HeadWish head_wish();
    bool take_head(const http::HeadRead& read, const http::HeadLimits& bounds);
    Next begin();
    Next answer_monitor();
    Next run_site_rules();
    void note_partial_head(const http::HeadLimits& bounds);
    void close_silently(std::uint16_t status);
    Next refuse_head(http::ParseStatus status);
    Next pick_route();
    Next use_route(ir::RouteId id);
    net::Task<Next> perform();
    net::Task<bool> wait_here(net::Time time);
    Next ask_filters(std::size_t& at, std::int64_t& wait_ms);
    void ask_forward_filters();
    bool serve_stored(std::string_view path, std::string_view name, Next& next);
    std::string_view captured_cookie(const http::FieldList& fields, http::FieldId id) const;
    void take(const filter::Answer& answer);
    bool send_continue();
    net::Task<bool> discard_body();
    net::Task<bool> leave(bool keep);
    bool is_last_of_connection() const;
    bool body_is_too_large() const;
    enum class Stage : std::uint8_t { waiting, reading, busy };
    void enter(Stage stage);
    void log();
    void write_lines();
    net::Task<Next> wait_for_body();
    net::Task<Next> wait_for_handshake();
    std::span<filter::Hold> ask_reply_filters();
    const std::vector<filter::Instance>& own_site_filters() const;
    void count();
    const plan::Logs& logs() const { return *route_->logs; }
    // Whose settings hold towards the client: the route's where routes inherit from the site, else
    // the site's.
    const plan::Route& client_rules() const {
        return site_->source->is_nginx_style ? *route_ : site_->own;
    }

    // forward.cpp
    net::Task<Next> forward();
    Next after_failure(forward::Failure failure);
    void drop_unread_body();
    void note_escaping();
    Next run_response_rules(http::ResponseHead& response);
    http::ResponseHead& answer_head();
    net::Task<Next> tunnel();

    // rules.cpp. go_on: the list ran through (or was ended by an "allow").
    enum class Flow : std::uint8_t { go_on, stop, decided };
    struct Ran {
        Flow flow = Flow::go_on;
        Next next = Next::route;       // with decided
    };
    Ran run_rules(const std::vector<plan::Rule>& rules);
    Ran run_rule(const plan::Rule& rule);
    Ran do_rewrite(const plan::Rule& rule, const ir::action::Rewrite& action);
    void edit_header(const plan::Rule& rule, const ir::action::EditHeader& action);
    void set_target(const plan::Rule& rule, const ir::action::SetTarget& action);
    void refresh_target();
    http::ResponseHead& early_head();
    net::Task<bool> write_early_head();
    void note_own_answer(bool refused);

    // files.cpp
    Next serve_files();
    Next serve_file(std::string_view path);
    Next serve_folder(std::string_view path);
    Next serve_random(std::string_view path);
    Next list_folder(std::string_view path);
    Next try_files();
    http::Validators validators_of(const OpenFile& file);
    Next reply_with_file(OpenFile& file, std::string_view path, const http::Validators& validators);
    Next redirect_to_folder(std::string_view path);
    Next redirect_inside(std::string_view path);
    std::uint16_t folder_problem(std::string_view base, std::string_view file);
    std::string_view path_on_disk(std::string_view path);
    std::size_t trusted_part();
    http::Precondition check_preconditions(const http::Validators& validators) const;
    void apply_ranges();
    void refuse_ranges(std::uint64_t length);
    void note_problem(int level, const std::string& text);
    void note_file_error(std::string_view what, std::string_view path, int error);

    // cached.cpp
    void forget_cache();
    cache::Store* find_store(const plan::Cache& conf, std::string_view& name);
    std::string_view default_cache_key();
    Next look_in_cache();
    [[nodiscard]] bool wants_purge();
    net::Task<Next> purge();
    net::Task<bool> purge_key(cache::Store& store, std::string_view key, bool& noted);
    void leave_ranges_to_server();
    Next look_up(bool first);
    Next find_kept();
    Next judge_kept(cache::KeptFile::Opened opened);
    net::Task<Next> look_on_disk();
    Next pass_by_cache();
    Next use_nothing();
    Next use_expired();
    [[nodiscard]] bool may_renew_beside() const;
    net::Detached run_renewal();
    void clone(const Exchange& outer);
    net::Task<Next> wait_for_answer();
    Next reply_from_cache(std::string_view status);
    Next answer_conditions();
    // saving.cpp
    Next use_stale_after(forward::Failure failure, std::uint16_t status);
    void keep_failure(std::uint16_t status, const http::FieldList& fields);
    net::Task<Next> compare_with_cache();
    net::Task<void> renew_kept(const http::ResponseHead& response);
    void begin_saving();
    void give_up_saving();
    void begin_storing();
    // shelved.cpp
    zone::Counters* counters_of_rules();
    void look_on_shelf(std::uint32_t id, bool wants_hints);
    void take_kept_hints(const zone::Shelf& shelf, std::uint32_t item, const cache::Kept& kept);
    Next reply_from_shelf();
    void keep_on_shelf(std::uint32_t id);
    Next purge_shelf(std::uint32_t id);
    // slices.cpp
    void begin_slices();
    Next take_slice();
    [[nodiscard]] http::ByteRange slices_wanted() const;
    net::Task<bool> send_slices(http::BodySource& here);
    net::Task<bool> send_slice(std::uint64_t first);

    // access.cpp
    enum class Access : std::uint8_t { no_opinion, granted, forbidden, unauthorized, failed };
    net::Task<Next> check_access();
    Access check_address();
    Access check_user();
    Access ask_for_user(std::string_view realm);
    net::Task<Access> ask_inside();

    // inner.cpp
    net::Task<Next> start_mirrors();
    net::Task<http::BodyState> save_body();
    net::Detached run_mirror(std::string_view uri);
    bool wants_additions() const;
    net::Task<bool> send_addition(const std::string& uri, http::BodySink& to);
    // ssi.cpp
    struct SsiRun;
    bool wants_ssi() const;
    void prepare_ssi();
    SsiPage& ssi_page();
    route::Value ssi_value(std::string_view name);
    std::string_view ssi_text(std::string_view text);
    bool ssi_matches(std::string_view text, std::string_view pattern, bool& known);
    bool ssi_holds(std::string_view expression, bool& known);
    std::string_view ssi_branch(SsiRun& run, const SsiCommand& command);
    std::string_view ssi_set(const SsiCommand& command);
    net::Task<bool> ssi_put(SsiRun& run, std::string_view text);
    net::Task<bool> ssi_problem(SsiRun& run, std::string_view what);
    net::Task<bool> ssi_include(SsiRun& run, const SsiCommand& command);
    net::Task<bool> ssi_echo(SsiRun& run, const SsiCommand& command);
    net::Task<bool> ssi_command(SsiRun& run, const SsiCommand& command);
    net::Task<bool> ssi_piece(SsiRun& run, std::string_view bytes);
    net::Task<bool> ssi_block(http::BodySink& to, std::string_view text);
    net::Task<bool> send_with_ssi(http::BodySource* from, http::BodySink& to, http::Piece piece);
    // inner.cpp
    bool wants_post_action() const;
    net::Task<void> run_post_action();
    bool wants_trailers() const;
    std::string_view make_trailers();
    friend class TrailingBody;

    // reply.cpp
    Next fail(std::uint16_t status);
    Next answer_with(const ir::Message& message);
    Next respond(const plan::Rule& rule, const ir::action::Respond& action);
    Next redirect(const ir::action::Redirect& action, std::string_view target);
    Next go_to(std::string_view uri, bool named);
    Next follow_accel_redirect();
    void add_kept_fields();
    void add_content_type();
    void own_page(std::uint16_t status);
    std::string_view absolute_location(std::string_view target);
    net::Task<void> drop_server_body();
    void read_affinity();
    void write_affinity(http::ResponseHead& response);
    void relay_fields(http::ResponseHead& response);
    void rewrite_location(http::Field& field);
    void rewrite_cookie(http::Field& field);
    // sticky.cpp: the pool in use, when it keeps clients at their servers.
    [[nodiscard]] const plan::Pool* sticky_pool() const;
    void add_sticky_cookie();
    void learn_session(bool at_head);
    bool rewrite_attribute(const plan::Forwarding::Rewrite& rule, bool domain,
                           std::string_view& value);
    void apply_reply_fields();
    void apply_charset();
    void begin_recoding();
    std::string_view wanted_charset(std::string_view type, std::string_view told);
    void apply_expiry();   // expiry.cpp
    void write_reply_head();
    void decide_framing();
    std::span<filter::Hold> finish_head();
    void open_the_length();
    void weaken_tag();
    net::Task<bool> send_reply();
    net::Task<bool> send_body(http::BodySource* from, std::span<filter::Hold> wanted,
                              http::Piece piece, Pace pace);
    std::string_view own_scheme() const;

    Connection& connection_;
    http::Carrier& carrier_;
    plan::Worker& worker_;
    std::shared_ptr<plan::Running> running_;
    Arena& arena_;
    std::shared_ptr<forward::MadePool> made_pool_;   // outlives what counts in it
    http::RequestHead& request_;
    route::Subject subject_;
    http::BodySource& body_;
    http::BodySink& writer_;
    pool::Tally tally_;
    // The request's body as filters change it for the server; in the arena.
    struct Forwarded {
        forward::GatheredBody gathered;    // nothing: what was gathered goes through the filters, too
        http::BytesBody from;
        filter::FilteredBody body;
        Forwarded(std::string_view begun, http::BodySource* rest, route::Subject& subject,
                  std::span<filter::Hold> holds)
            : from(begun, rest), body(subject, filter::Way::request, holds, from) {}
    };
    struct DestroyForwarded {
        void operator()(Forwarded* body) const { body->~Forwarded(); }
    };
    std::unique_ptr<Forwarded, DestroyForwarded> forwarded_;
    std::optional<forward::ServerSide> server_;

    const plan::Site* site_ = nullptr;
    const plan::Route* route_ = nullptr;   // the site's own before one is picked
    std::uint32_t internal_redirects_ = 0;
    Stage stage_ = Stage::waiting;
    bool in_error_page_ = false;
    bool head_refused_ = false;            // what came is not a request
    bool keep_ = true;                     // the client's connection afterwards
    bool uri_changed_ = false;             // by a rewrite: the route is to be picked again
    forward::TargetState target_;          // nginx: servers get the rewritten path, escaped
    forward::GatheredBody gathered_;
    bool is_inner_ = false;                // asked for by another exchange
    bool internal_ = false;                // the URI is no longer what the client asked for
    bool may_repeat_ = true;               // by a second try at a server
    bool reply_started_ = false;           // reply_ holds the answer; the server's head is done with
    const plan::Rule* wait_ = nullptr;     // the rule that waits for the body
    const plan::Rule* resume_after_ = nullptr;   // rules up to this one ran already
    ir::RouteId next_route_ = ir::no_id;   // "if" chose this one
    std::uint32_t tarpit_ms_ = 0;
    std::int32_t log_level_ = 6;
    bool silent_ = false;                  // no log line

    // The answer
    http::ResponseHead reply_;
    std::string_view own_body_;
    bool reply_from_server_ = false;
    bool unsized_ = false;                 // own_body_ ends with the connection
    std::uint16_t forced_status_ = 0;      // error_page ... =code
    bool take_status_ = false;
    bool head_written_ = false;
    std::string_view content_type_;
    std::string_view accel_charset_;       // X-Accel-Charset of the server's answer
    const http::Recoding* recoding_ = nullptr;   // what goes out is another charset than the body is in
    // A file's answer; in the arena.
    struct Destroy {
        void operator()(http::FileParts* file) const { file->~FileParts(); }
        void operator()(CacheUse* use) const;
        void operator()(ShelfUse* use) const;
        void operator()(StoringBody* body) const;
    };
    std::unique_ptr<http::FileParts, Destroy> file_;
    std::unique_ptr<CacheUse, Destroy> cache_;   // where a cache is used
    SavingBody* saving_ = nullptr;         // in the arena: the server's body, for the cache as well
    std::unique_ptr<ShelfUse, Destroy> shelf_;   // where a cache in memory is used
    http::ResponseHead* early_ = nullptr;  // in the arena: a 103 that is to go out
    ShelvingBody* shelving_ = nullptr;     // in the arena: the server's body, for that cache as well
    std::unique_ptr<StoringBody, Destroy> storing_;   // the server's body, for a file as well
    http::ByteRange cut_;                  // the part of the server's body that goes out; empty: all
    bool cached_ = false;                  // the answer comes out of a cache
    bool renews_ = false;                  // asked for the cache alone
    bool is_clone_ = false;                // goes on where another one stands: at its route's action
    Exchange* slice_of_ = nullptr;         // whose piece it is
    std::uint64_t sliced_total_ = 0;       // bytes of the whole that comes in pieces; 0: it does not
    std::string_view slice_tag_;           // ETag of all of its pieces
    // The length of the body is known here: it is weir's own, or kept.
    [[nodiscard]] bool knows_length() const { return !reply_from_server_ || (cached_ && sliced_total_ == 0); }
    std::int64_t modified_ = -1;           // of the file
    bool takes_ranges_ = false;            // Range is looked at
    bool not_modified_ = false;            // a 304 without a word on what it stands for
    bool open_length_ = false;             // own_body_ is sent without its length
    bool ssi_ = false;                     // commands in the body are carried out
    SsiPage* ssi_page_ = nullptr;          // in the arena of the page that includes all others
    bool stands_in_ = false;               // an inner answer that is replaced where it fails
    std::string_view named_;               // an inner request to this named location
    bool adds_ = false;                    // inner answers stand around the body
    // Other answers go into the body, which ends when the last of them did.
    [[nodiscard]] bool opens() const { return adds_ || ssi_; }
    bool mirrored_ = false;
    std::uint32_t mirrors_running_ = 0;
    std::coroutine_handle<> mirrors_done_; // who waits for the last of them
    bool whole_goes_on_ = false;           // try_files chose it: its path follows an alias that is whole
    std::string_view challenge_;           // WWW-Authenticate
    // Fields of an answer that sent the request elsewhere (X-Accel-Redirect) and go out with the next.
    http::FieldList kept_fields_;
};

}  // namespace weir::exchange
