// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/listen_set.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace weir::process {

namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

// False when a Unix path does not fit.
bool to_address(const ir::Endpoint& endpoint, Address& out) {
    if (endpoint.is_unix()) {
        auto* name = reinterpret_cast<sockaddr_un*>(&out.storage);
        name->sun_family = AF_UNIX;
        if (endpoint.path.size() >= sizeof name->sun_path) return false;
        std::memcpy(name->sun_path, endpoint.path.data(), endpoint.path.size());
        out.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + endpoint.path.size() + 1);
        if (name->sun_path[0] == '@') {   // abstract: its length counts, no NUL at the end
            name->sun_path[0] = '\0';
            --out.length;
        }
    } else if (endpoint.ip.family == IpAddress::Family::v6) {
        auto* name = reinterpret_cast<sockaddr_in6*>(&out.storage);
        name->sin6_family = AF_INET6;
        name->sin6_port = htons(endpoint.port);
        std::memcpy(&name->sin6_addr, endpoint.ip.bytes, 16);
        out.length = sizeof *name;
    } else {
        auto* name = reinterpret_cast<sockaddr_in*>(&out.storage);
        name->sin_family = AF_INET;
        name->sin_port = htons(endpoint.port);
        std::memcpy(&name->sin_addr, endpoint.ip.bytes, 4);
        out.length = sizeof *name;
    }
    return true;
}

bool is_wildcard(const ir::Endpoint& endpoint) {
    return !endpoint.is_unix() && std::all_of(std::begin(endpoint.ip.bytes),
                                              std::end(endpoint.ip.bytes),
                                              [](unsigned char byte) { return byte == 0; });
}

bool in_file_system(const ir::Endpoint& endpoint) {
    return endpoint.is_unix() && endpoint.path[0] != '@';
}

bool set_int(int fd, int level, int option, int value) {
    return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

int type_of(const ir::Listener& listener) {
    return listener.transport == ir::Transport::udp ? SOCK_DGRAM : SOCK_STREAM;
}

// What must be set before bind. The name of the option that failed, or null.
const char* set_before_bind(int fd, const ir::Listener& listener, bool share) {
    const bool tcp = listener.transport == ir::Transport::tcp && !listener.endpoint.is_unix();
    const bool v6 = listener.endpoint.ip.family == IpAddress::Family::v6;
    if (tcp && !set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return "SO_REUSEADDR";
    if (share && !set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return "SO_REUSEPORT";
    if (v6 && listener.ipv6_only &&
        !set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, *listener.ipv6_only ? 1 : 0))
        return "IPV6_V6ONLY";
    if (listener.transparent && !(v6 ? set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
                                     : set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1)))
        return "IP_TRANSPARENT";
    if (!listener.device.empty() &&
        ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, listener.device.data(),
                     static_cast<socklen_t>(listener.device.size())) != 0)
        return "SO_BINDTODEVICE";
    return nullptr;
}

// What can change while the socket is in use. Failures are not worth a start: the kernel's value stays.
void set_tunable(int fd, const ir::Listener& listener) {
    if (listener.receive_buffer > 0) set_int(fd, SOL_SOCKET, SO_RCVBUF, listener.receive_buffer);
    if (listener.send_buffer > 0) set_int(fd, SOL_SOCKET, SO_SNDBUF, listener.send_buffer);
    if (listener.endpoint.is_unix() || listener.transport == ir::Transport::udp) return;
    if (listener.keepalive) set_int(fd, SOL_SOCKET, SO_KEEPALIVE, *listener.keepalive ? 1 : 0);
    if (listener.keepalive_idle > 0) set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, listener.keepalive_idle);
    if (listener.keepalive_interval > 0)
        set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, listener.keepalive_interval);
    if (listener.keepalive_count > 0) set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, listener.keepalive_count);
    if (listener.mss > 0) set_int(fd, IPPROTO_TCP, TCP_MAXSEG, static_cast<int>(listener.mss));
    set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, listener.defer_accept ? 1 : 0);
    set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, listener.fast_open);
}

bool start_listening(int fd, const ir::Listener& listener) {
    if (type_of(listener) == SOCK_DGRAM) return true;
    return ::listen(fd, listener.backlog > 0 ? listener.backlog : SOMAXCONN) == 0;
}

// A socket file that nobody listens on any more (its owner was killed) may be replaced.
bool is_stale(const Address& address, int type) {
    Fd probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return false;
    return ::connect(probe.get(), address.get(), address.length) != 0 && errno == ECONNREFUSED;
}

// Mode and owner of a Unix socket. The name of the call that failed, or null.
const char* set_permissions(const std::string& path, const ir::UnixPermissions& wanted) {
    uid_t user = static_cast<uid_t>(-1);
    gid_t group = static_cast<gid_t>(-1);
    if (!wanted.user.empty()) {
        const passwd* found = ::getpwnam(wanted.user.c_str());
        if (!found) return errno = ENOENT, "user name";
        user = found->pw_uid;
    }
    if (!wanted.group.empty()) {
        const ::group* found = ::getgrnam(wanted.group.c_str());
        if (!found) return errno = ENOENT, "group name";
        group = found->gr_gid;
    }
    if ((!wanted.user.empty() || !wanted.group.empty()) &&
        ::chown(path.c_str(), user, group) != 0)
        return "chown()";
    if (::chmod(path.c_str(), wanted.mode.value_or(0666)) != 0) return "chmod()";
    return nullptr;
}

ir::Listener listener_of(const ir::ControlSocket& socket) {
    ir::Listener listener;
    listener.endpoint = socket.endpoint;
    listener.permissions = socket.permissions;
    if (!listener.permissions.mode) listener.permissions.mode = 0600;
    listener.backlog = 16;
    listener.span = socket.span;
    return listener;
}

}  // namespace

std::string listen_key(const ir::Listener& listener) {
    const bool udp = listener.transport == ir::Transport::udp;
    std::string key = listener.endpoint.is_unix()
                          ? fmt::format("{}:{}", udp ? "unixgram" : "unix", listener.endpoint.path)
                          : fmt::format("{} {}", udp ? "udp" : "tcp", to_string(listener.endpoint));
    if (listener.endpoint.is_unix()) return key;
    if (listener.ipv6_only && listener.endpoint.ip.family == IpAddress::Family::v6)
        key += *listener.ipv6_only ? " v6only" : " v4v6";
    if (listener.transparent) key += " transparent";
    if (!listener.device.empty()) key += " device=" + listener.device;
    if (per_worker(listener)) key += " per-worker";
    return key;
}

std::string control_key(const ir::ControlSocket& socket) {
    return control_key(listener_of(socket));
}

std::string control_key(const ir::Listener& listener) { return "control " + listen_key(listener); }

std::string instance_key(const std::string& key, std::size_t instance) {
    return fmt::format("{} #{}", key, instance);
}

std::string base_key(const std::string& instance_key) {
    const auto mark = instance_key.rfind(" #");
    return mark == std::string::npos ? instance_key : instance_key.substr(0, mark);
}

bool per_worker(const ir::Listener& listener) {
    if (listener.endpoint.is_unix() || listener.endpoint.descriptor >= 0) return false;
    return listener.reuseport || listener.transport == ir::Transport::udp;
}

ListenSet::~ListenSet() { abort(); }

void ListenSet::adopt(std::vector<Fd> sockets) {
    for (auto& socket : sockets) adopted_.push_back(std::make_shared<Fd>(std::move(socket)));
}

// An adopted socket bound to the address of `listener`, with its transport.
SharedFd ListenSet::take_adopted(const ir::Listener& listener) {
    Address wanted;
    if (adopted_.empty() || listener.endpoint.descriptor >= 0 || !to_address(listener.endpoint, wanted))
        return nullptr;
    for (auto it = adopted_.begin(); it != adopted_.end(); ++it) {
        Address found;
        found.length = sizeof found.storage;
        int type = 0;
        socklen_t size = sizeof type;
        if (::getsockname((*it)->get(), reinterpret_cast<sockaddr*>(&found.storage),
                          &found.length) != 0 ||
            ::getsockopt((*it)->get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
            type != type_of(listener) || found.length != wanted.length ||
            std::memcmp(&found.storage, &wanted.storage, wanted.length) != 0)
            continue;
        SharedFd taken = *it;
        adopted_.erase(it);
        return taken;
    }
    return nullptr;
}

// The same port is held by a live socket with other options: both must share it until commit.
bool ListenSet::meets_live(const ir::Listener& listener) {
    bool met = false;
    for (auto& [key, socket] : live_) {
        if (socket.conf.endpoint.is_unix() || listener.endpoint.is_unix() ||
            socket.conf.transport != listener.transport ||
            socket.conf.endpoint.port != listener.endpoint.port || listener.endpoint.port == 0)
            continue;
        set_int(socket.fd->get(), SOL_SOCKET, SO_REUSEPORT, 1);
        met = true;
    }
    return met;
}

// HAProxy bind fd@N: whoever started the process bound the socket.
bool ListenSet::take_inherited(Socket& socket, diag::Sink& sink) {
    const ir::Listener& listener = socket.conf;
    const int inherited = listener.endpoint.descriptor;
    auto refuse = [&](const char* call) {
        const int code = errno;
        sink.error(listener.span, "cannot-listen",
                   fmt::format("{} for fd@{} failed ({}: {})", call, inherited, code, std::strerror(code)),
                   "the process must be started with a socket open at that number");
        return false;
    };
    // A copy: the number stays open for the next reload.
    socket.fd = std::make_shared<Fd>(::fcntl(inherited, F_DUPFD_CLOEXEC, 3));
    if (!*socket.fd) return refuse("fcntl()");
    const int flags = ::fcntl(socket.fd->get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.fd->get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return refuse("fcntl()");
    return start_listening(socket.fd->get(), listener) || refuse("listen()");
}

bool ListenSet::bind_new(Socket& socket, diag::Sink& sink) {
    const ir::Listener& listener = socket.conf;
    if (listener.endpoint.descriptor >= 0) return take_inherited(socket, sink);
    const std::string place = to_string(listener.endpoint);
    auto refuse = [&](const std::string& what, int code) {
        std::string hint;
        if (code == EADDRINUSE) hint = "another process listens there, or a former one has not ended";
        if (code == EACCES) hint = "ports below 1024 need root or CAP_NET_BIND_SERVICE";
        if (code == EADDRNOTAVAIL) hint = "no interface of this machine has the address";
        sink.error(listener.span, "cannot-listen",
                   fmt::format("{} failed ({}: {})", what, code, std::strerror(code)), hint);
        return false;
    };
    Address address;
    if (!to_address(listener.endpoint, address)) return refuse("bind() to " + place, ENAMETOOLONG);
    const int family = address.storage.ss_family;
    socket.fd = std::make_shared<Fd>(
        ::socket(family, type_of(listener) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!*socket.fd) return refuse("socket() for " + place, errno);
    const int fd = socket.fd->get();
    const bool overlaps = meets_live(listener);
    const bool share = overlaps || share_ports || socket.instance > 0 ||
                       shared_ports_.contains({listener.transport, listener.endpoint.port});
    if (const char* option = set_before_bind(fd, listener, share && family != AF_UNIX))
        return refuse(fmt::format("setsockopt({}) for {}", option, place), errno);

    const bool file = in_file_system(listener.endpoint);
    if (file && is_stale(address, type_of(listener))) ::unlink(listener.endpoint.path.c_str());
    // No one may connect before mode and owner are what they shall be.
    const mode_t mask = file ? ::umask(0777) : 0;
    const int outcome = ::bind(fd, address.get(), address.length);
    const int code = errno;
    if (file) ::umask(mask);
    if (outcome != 0) return refuse("bind() to " + place, code);
    if (file) {
        struct stat about {};
        if (::lstat(listener.endpoint.path.c_str(), &about) == 0) {
            socket.device = about.st_dev;
            socket.inode = about.st_ino;
        }
        if (const char* call = set_permissions(listener.endpoint.path, listener.permissions))
            return refuse(fmt::format("{} for {}", call, place), errno);
    }
    // The first of several is bound alone, so that a stranger on the address is noticed.
    if (per_worker(listener)) set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_tunable(fd, listener);
    // Beside a live socket it must not take connections that an abort would throw away.
    socket.listening = !overlaps;
    if (socket.listening && !start_listening(fd, listener))
        return refuse("listen() on " + place, errno);
    return true;
}

void ListenSet::want(const ir::Listener& listener, bool control, std::uint32_t workers,
                     diag::Sink& sink) {
    const std::string key = control ? control_key(listener) : listen_key(listener);
    const std::uint32_t instances = per_worker(listener) ? workers : 1;
    for (std::uint32_t i = 0; i < instances; ++i) {
        const std::string name = instance_key(key, i);
        if (next_.contains(name)) continue;   // asked for twice: validate() had its say
        Socket socket;
        if (auto found = live_.find(name); found != live_.end()) {
            socket = found->second;
            socket.conf = listener;
            if (shared_ports_.contains({listener.transport, listener.endpoint.port}))
                set_int(socket.fd->get(), SOL_SOCKET, SO_REUSEPORT, 1);
        } else {
            socket.conf = listener;
            socket.instance = i;
            socket.control = control;
            socket.fresh = true;
            if ((socket.fd = take_adopted(listener))) {
                socket.fresh = false;
                struct stat about {};
                if (in_file_system(listener.endpoint) &&
                    ::lstat(listener.endpoint.path.c_str(), &about) == 0) {
                    socket.device = about.st_dev;
                    socket.inode = about.st_ino;
                }
            } else if (!bind_new(socket, sink)) {
                if (socket.inode != 0) remove_path(socket);
                return;   // the other instances would say the same
            }
        }
        next_.emplace(name, std::move(socket));
    }
    // Fewer workers than sockets: what waits in the others must not be lost, so they stay.
    for (std::uint32_t i = instances; per_worker(listener); ++i) {
        auto found = live_.find(instance_key(key, i));
        if (found == live_.end()) break;
        next_.emplace(found->first, found->second);
    }
}

bool ListenSet::prepare(const ir::Config& config, std::uint32_t workers, diag::Sink& sink) {
    abort();
    std::set<std::pair<ir::Transport, std::uint16_t>> wild, single;
    for (const auto& listener : config.listeners)
        if (!listener.endpoint.is_unix())
            (is_wildcard(listener.endpoint) ? wild : single)
                .insert({listener.transport, listener.endpoint.port});
    shared_ports_.clear();
    std::set_intersection(wild.begin(), wild.end(), single.begin(), single.end(),
                          std::inserter(shared_ports_, shared_ports_.end()));
    const std::size_t errors = sink.count(diag::Severity::error);
    for (const auto& listener : config.listeners) want(listener, false, workers, sink);
    for (const auto& socket : config.process.control_sockets)
        want(listener_of(socket), true, workers, sink);
    for (const auto& group : config.peer_groups)
        if (group.enabled && group.listener) want(*group.listener, true, workers, sink);
    if (sink.count(diag::Severity::error) == errors) return true;
    abort();
    return false;
}

void ListenSet::commit() {
    for (auto& [key, socket] : live_)
        if (!next_.contains(key)) remove_path(socket);
    for (auto& [key, socket] : next_) {
        socket.fresh = false;
        set_tunable(socket.fd->get(), socket.conf);
        if (in_file_system(socket.conf.endpoint))
            set_permissions(socket.conf.endpoint.path, socket.conf.permissions);
        // Also brings the backlog of a kept socket up to date.
        start_listening(socket.fd->get(), socket.conf);
        socket.listening = true;
    }
    live_ = std::move(next_);
    next_.clear();
    adopted_.clear();
}

void ListenSet::abort() {
    for (auto& [key, socket] : next_)
        if (socket.fresh) remove_path(socket);
    next_.clear();
}

std::vector<OpenSocket> ListenSet::of_worker(std::uint32_t number, std::uint32_t workers,
                                             bool prepared) const {
    std::vector<OpenSocket> mine;
    for (const auto& [key, socket] : prepared ? next_ : live_)
        if (!socket.control && (!per_worker(socket.conf) || socket.instance % workers == number))
            mine.push_back({key, socket.fd});
    return mine;
}

std::vector<OpenSocket> ListenSet::of_warden(bool prepared) const {
    std::vector<OpenSocket> mine;
    for (const auto& [key, socket] : prepared ? next_ : live_)
        if (socket.control) mine.push_back({key, socket.fd});
    return mine;
}

std::vector<OpenSocket> ListenSet::all() const {
    std::vector<OpenSocket> sockets;
    for (const auto& [key, socket] : live_) sockets.push_back({key, socket.fd});
    return sockets;
}

// Only the path that this process made: another may have replaced it since.
void ListenSet::remove_path(const Socket& socket) {
    if (!in_file_system(socket.conf.endpoint) || socket.inode == 0) return;
    struct stat about {};
    const char* path = socket.conf.endpoint.path.c_str();
    if (::lstat(path, &about) == 0 && about.st_dev == socket.device &&
        about.st_ino == socket.inode)
        ::unlink(path);
}

void ListenSet::remove_paths() {
    for (const auto& [key, socket] : live_) remove_path(socket);
}

void ListenSet::close_all() {
    abort();
    live_.clear();
    adopted_.clear();
}

}  // namespace weir::process
