// SPDX-License-Identifier: Apache-2.0
// c-ares on the loop: its sockets are watched, its time-outs come from a timer that runs only while
// something is asked. One client for each list of name servers; clients stay for the process's life.
#include "runtime/net/resolver.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <unordered_map>

#ifdef WEIR_CARES
#include <ares.h>
#include <netinet/in.h>
#endif

namespace weir::net {

#ifdef WEIR_CARES

namespace {

constexpr Time tick = 250;              // between two looks for time-outs
constexpr int first_try = 2000;         // ms until the next name server is asked
constexpr int most_tries = 4;           // of each name server
constexpr std::size_t most_names = 4096;

struct Question {
    NameClient* client = nullptr;
    std::string name;
    std::vector<IpAddress> addresses;
    Time valid_until = 0;
    bool asking = false;
    LookUp* first = nullptr;            // who waits for the answer
};

}  // namespace

class NameClient {
public:
    NameClient(Loop& loop, const ir::NameServers& servers);
    ~NameClient();

    // True: `wait` has its answer. Else it is told later.
    bool ask(LookUp& wait);
    void join(LookUp& wait);
    void leave(LookUp& wait);

private:
    static void on_socket(void* self, ares_socket_t fd, int reads, int writes);
    static void on_answer(void* question, int status, int, ares_addrinfo* found);
    void conclude(Question& question, int status, const ares_addrinfo* found);
    void send(Question& question);
    void look_for_timeouts();
    void forget_old();

    struct Tick : Timer {
        NameClient* self = nullptr;
    };
    Loop& loop_;
    ir::NameServers conf_;
    ares_channel channel_ = nullptr;
    bool usable_ = false;
    std::size_t asking_ = 0;
    std::unordered_map<std::string, std::unique_ptr<Question>> questions_;
    std::unordered_map<int, std::unique_ptr<Watch>> sockets_;
    Tick tick_;
};

NameClient::NameClient(Loop& loop, const ir::NameServers& servers) : loop_(loop), conf_(servers) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options options{};
    // No search domains and no /etc/hosts where name servers are listed: these alone decide.
    options.flags = conf_.of_system ? 0 : ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.timeout = first_try;
    options.tries = most_tries;
    options.lookups = const_cast<char*>(conf_.of_system ? "fb" : "b");
    options.sock_state_cb = on_socket;
    options.sock_state_cb_data = this;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_ROTATE;
    if (library != ARES_SUCCESS || ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
        channel_ = nullptr;
        return;
    }
    tick_.self = this;
    tick_.fire = [](Timer& timer) { static_cast<Tick&>(timer).self->look_for_timeouts(); };
    usable_ = conf_.of_system;
    if (usable_) return;
    std::vector<ares_addr_port_node> nodes(conf_.list.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        auto& node = nodes[i];
        const auto& server = conf_.list[i];
        bool v6 = server.ip.family == IpAddress::Family::v6;
        node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
        node.family = v6 ? AF_INET6 : AF_INET;
        std::memcpy(&node.addr, server.ip.bytes, v6 ? 16 : 4);
        node.udp_port = node.tcp_port = server.port;
    }
    usable_ = !nodes.empty() && ares_set_servers_ports(channel_, nodes.data()) == ARES_SUCCESS;
}

NameClient::~NameClient() {
    if (channel_) ares_destroy(channel_);
}

void NameClient::on_socket(void* self, ares_socket_t fd, int reads, int writes) {
    auto& client = *static_cast<NameClient*>(self);
    if (!reads && !writes) {
        client.sockets_.erase(fd);
        return;
    }
    auto& watch = client.sockets_[fd];
    if (watch) return;
    watch = std::make_unique<Watch>();
    watch->owner = self;
    watch->on_event = [](Watch& from, std::uint32_t) {
        auto& owner = *static_cast<NameClient*>(from.owner);
        int socket = from.fd();
        // May end the socket, and this watch with it.
        ares_process_fd(owner.channel_, socket, socket);
    };
    watch->attach(client.loop_, fd);
}

// What an edge may have left (a stream of two reads) is found here, too.
void NameClient::look_for_timeouts() {
    std::vector<int> open;
    for (const auto& [fd, watch] : sockets_) open.push_back(fd);
    for (int fd : open)
        if (sockets_.contains(fd)) ares_process_fd(channel_, fd, ARES_SOCKET_BAD);
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (asking_ != 0) loop_.arm(tick_, loop_.now() + tick);
}

void NameClient::forget_old() {
    std::erase_if(questions_, [&](const auto& one) {
        const auto& question = *one.second;
        return !question.asking && !question.first && question.valid_until <= loop_.now();
    });
}

bool NameClient::ask(LookUp& wait) {
    if (!usable_) {
        wait.answer_.problem = "no name server can be asked";
        return true;
    }
    std::string name(wait.name_);
    for (char& byte : name)
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
    auto& slot = questions_[name];
    if (!slot) {
        slot = std::make_unique<Question>();
        slot->client = this;
        slot->name = std::move(name);
    }
    if (slot->valid_until > loop_.now() && !slot->addresses.empty()) {
        wait.answer_.addresses = slot->addresses;
        return true;
    }
    wait.question_ = slot.get();
    return false;
}

void NameClient::join(LookUp& wait) {
    auto& question = *static_cast<Question*>(wait.question_);
    wait.client_ = this;
    wait.next_ = question.first;
    if (question.first) question.first->prev_ = &wait;
    question.first = &wait;
    if (!question.asking) send(question);
}

void NameClient::leave(LookUp& wait) {
    auto& question = *static_cast<Question*>(wait.question_);
    (wait.prev_ ? wait.prev_->next_ : question.first) = wait.next_;
    if (wait.next_) wait.next_->prev_ = wait.prev_;
    wait.next_ = wait.prev_ = nullptr;
    wait.client_ = nullptr;
}

void NameClient::send(Question& question) {
    ares_addrinfo_hints hints{};
    hints.ai_family = conf_.ipv4 && conf_.ipv6 ? AF_UNSPEC : conf_.ipv4 ? AF_INET : AF_INET6;
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_socktype = SOCK_STREAM;
    question.asking = true;
    if (asking_++ == 0) loop_.arm(tick_, loop_.now() + tick);
    if (questions_.size() > most_names) forget_old();
    ares_getaddrinfo(channel_, question.name.c_str(), nullptr, &hints, on_answer, &question);
}

void NameClient::on_answer(void* asked, int status, int, ares_addrinfo* found) {
    auto& question = *static_cast<Question*>(asked);
    // The channel is going away, and its client with it.
    if (status != ARES_EDESTRUCTION) question.client->conclude(question, status, found);
    if (found) ares_freeaddrinfo(found);
}

void NameClient::conclude(Question& question, int status, const ares_addrinfo* found) {
    question.asking = false;
    --asking_;
    question.addresses.clear();
    question.valid_until = 0;
    int seconds = INT32_MAX;
    for (auto* node = found ? found->nodes : nullptr; node; node = node->ai_next) {
        IpAddress ip;
        bool v6 = node->ai_family == AF_INET6;
        ip.family = v6 ? IpAddress::Family::v6 : IpAddress::Family::v4;
        const void* bytes = v6 ? static_cast<const void*>(
                                     &reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr)
                               : &reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr;
        std::memcpy(ip.bytes, bytes, v6 ? 16 : 4);
        question.addresses.push_back(ip);
        seconds = std::min(seconds, node->ai_ttl);
    }
    if (!question.addresses.empty()) {
        auto time = conf_.valid ? conf_.valid->count() : std::max(seconds, 0) * Time{1000};
        question.valid_until = loop_.now() + time;
    }
    while (auto* wait = question.first) {
        leave(*wait);
        wait->expiry_.cancel();
        wait->answer_.addresses = question.addresses;
        if (question.addresses.empty()) wait->answer_.problem = ares_strerror(status);
        loop_.post(wait->handle_);
    }
}

namespace {

// By what distinguishes them; never freed: watches and timers of the loop point into them.
NameClient& client_for(Loop& loop, const ir::NameServers& servers) {
    static thread_local auto* clients = new std::unordered_map<std::string, NameClient*>();
    std::string key = servers.ipv4 ? servers.ipv6 ? "46" : "4" : "6";
    if (servers.of_system) key += " system";
    if (servers.valid) key += " " + std::to_string(servers.valid->count());
    for (const auto& server : servers.list) key += " " + ir::to_string(server);
    auto& slot = (*clients)[key];
    if (!slot) slot = new NameClient(loop, servers);
    return *slot;
}

}  // namespace

bool LookUp::await_ready() {
    client_ = &client_for(loop_, servers_);
    bool known = client_->ask(*this);
    if (known) client_ = nullptr;
    return known;
}

void LookUp::await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    expiry_.self = this;
    expiry_.fire = [](Timer& timer) { static_cast<Expiry&>(timer).self->expire(); };
    loop_.arm(expiry_, loop_.now() + servers_.timeout.count());
    client_->join(*this);
}

void LookUp::expire() {
    if (!client_) return;   // the resume is on its way
    client_->leave(*this);
    answer_.problem = "timed out";
    answer_.timed_out = true;
    handle_.resume();
}

LookUp::~LookUp() {
    if (client_ && handle_) client_->leave(*this);
}

#else

LookUp::~LookUp() = default;
void LookUp::expire() {}
void LookUp::await_suspend(std::coroutine_handle<>) {}
bool LookUp::await_ready() {
    answer_.problem = "this build cannot look names up (WEIR_CARES)";
    return true;
}

#endif

LookUp::LookUp(Loop& loop, const ir::NameServers& servers, std::string_view name)
    : loop_(loop), servers_(servers), name_(name) {}

}  // namespace weir::net
