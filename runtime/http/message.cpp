// SPDX-License-Identifier: Apache-2.0
// Names that weir knows (fields, methods, reasons) and the list of fields. Field names are found by
// a hash of length and three bytes that has no collisions among the known names, then compared
// eight bytes at a time: this runs for every field of every message.
#include "runtime/http/message.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace weir::http {

namespace {

constexpr std::size_t known_fields = static_cast<std::size_t>(FieldId::count_);

constexpr std::array<std::string_view, known_fields> names = {std::string_view{},
#define X(id, name) name,
                                                              WEIR_FIELDS(X)
#undef X
};

constexpr std::size_t longest_name = [] {
    std::size_t longest = 0;
    for (auto name : names) longest = name.size() > longest ? name.size() : longest;
    return longest;
}();
static_assert(longest_name <= 24, "Words below hold 24 bytes");

constexpr bool is_letter(char byte) { return byte >= 'a' && byte <= 'z'; }
constexpr char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

constexpr std::size_t slots = 512;

constexpr std::size_t slot_of(std::string_view name, std::uint32_t factor) {
    auto byte = [&](std::size_t at) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at]) | 0x20);
    };
    std::uint32_t key = byte(0) + (byte(name.size() / 2) << 8) + (byte(name.size() - 1) << 16) +
                        (static_cast<std::uint32_t>(name.size()) << 24);
    return (key * factor) >> 23;
}

constexpr bool free_of_collisions(std::uint32_t factor) {
    std::array<bool, slots> taken{};
    for (std::size_t i = 1; i < known_fields; ++i) {
        auto slot = slot_of(names[i], factor);
        if (taken[slot]) return false;
        taken[slot] = true;
    }
    return true;
}

constexpr std::uint32_t find_factor() {
    std::uint32_t factor = 0x9e3779b1;
    while (!free_of_collisions(factor)) factor += 0x61c88646;
    return factor;
}

constexpr std::uint32_t hash_factor = find_factor();

constexpr std::array<std::uint8_t, slots> make_slots() {
    std::array<std::uint8_t, slots> table{};
    for (std::size_t i = 1; i < known_fields; ++i)
        table[slot_of(names[i], hash_factor)] = static_cast<std::uint8_t>(i);
    return table;
}

constexpr std::array<std::uint8_t, slots> slot_table = make_slots();

template <class Word>
Word load(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// `mask` has 0x20 where the name has a letter: only there may the case differ.
bool same_name(const char* text, const char* name, const char* mask, std::size_t size) {
    auto equal = [&]<class Word>(Word, std::size_t at) {
        return (load<Word>(text + at) | load<Word>(mask + at)) == load<Word>(name + at);
    };
    if (size >= 8) {
        for (std::size_t at = 0; at + 8 < size; at += 8)
            if (!equal(std::uint64_t{}, at)) return false;
        return equal(std::uint64_t{}, size - 8);
    }
    if (size >= 4) return equal(std::uint32_t{}, 0) && equal(std::uint32_t{}, size - 4);
    for (std::size_t at = 0; at < size; ++at)
        if (!equal(std::uint8_t{}, at)) return false;
    return true;
}

struct Mask {
    char bytes[24];
};

constexpr std::array<Mask, known_fields> masks = [] {
    std::array<Mask, known_fields> table{};
    for (std::size_t i = 0; i < known_fields; ++i)
        for (std::size_t at = 0; at < names[i].size(); ++at)
            table[i].bytes[at] = is_letter(names[i][at]) ? 0x20 : 0;
    return table;
}();

struct MethodName {
    std::string_view text;
    Method method;
};

constexpr MethodName method_names[] = {
    {"GET", Method::get},           {"POST", Method::post},           {"HEAD", Method::head},
    {"PUT", Method::put},           {"DELETE", Method::del},          {"OPTIONS", Method::options},
    {"PATCH", Method::patch},       {"CONNECT", Method::connect},     {"TRACE", Method::trace},
    {"PROPFIND", Method::propfind}, {"PROPPATCH", Method::proppatch}, {"MKCOL", Method::mkcol},
    {"COPY", Method::copy},         {"MOVE", Method::move},           {"LOCK", Method::lock},
    {"UNLOCK", Method::unlock},
};

constexpr std::uint32_t first_capacity = 16;

}  // namespace

FieldId field_id(std::string_view name) {
    if (name.empty() || name.size() > longest_name) return FieldId::other;
    std::size_t index = slot_table[slot_of(name, hash_factor)];
    if (names[index].size() != name.size()) return FieldId::other;
    bool same = same_name(name.data(), names[index].data(), masks[index].bytes, name.size());
    return same ? static_cast<FieldId>(index) : FieldId::other;
}

std::string_view field_name(FieldId id) { return names[static_cast<std::size_t>(id)]; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

void FieldList::reserve(Arena& arena, std::uint32_t count) {
    if (count <= capacity_) return;
    auto* larger = arena.make_array<Field>(count);
    if (size_) std::memcpy(static_cast<void*>(larger), data_, size_ * sizeof(Field));
    data_ = larger;
    capacity_ = count;
}

void FieldList::add(Arena& arena, const Field& field) {
    if (size_ == capacity_) {
        // The field may lie in this very list: its old memory stays valid in the arena.
        reserve(arena, capacity_ ? capacity_ * 2 : first_capacity);
    }
    data_[size_++] = field;
    seen_ |= std::uint64_t{1} << static_cast<unsigned>(field.id);
}

void FieldList::add_front(Arena& arena, const Field& field) {
    add(arena, field);
    for (std::uint32_t i = size_ - 1; i > 0; --i) std::swap(data_[i], data_[i - 1]);
}

void FieldList::add(Arena& arena, std::string_view name, std::string_view value) {
    add(arena, Field{name, value, field_id(name), {}});
}

void FieldList::set(Arena& arena, std::string_view name, std::string_view value) {
    FieldId id = field_id(name);
    std::uint32_t kept = 0;
    bool placed = false;
    for (std::uint32_t i = 0; i < size_; ++i) {
        bool same =
            data_[i].id == id && (id != FieldId::other || equal_ignoring_case(data_[i].name, name));
        if (same && placed) continue;
        Field field = data_[i];
        if (same) {
            field = Field{name, value, id, {}};
            placed = true;
        }
        data_[kept++] = field;
    }
    size_ = kept;
    if (!placed) add(arena, Field{name, value, id, {}});
}

std::uint32_t FieldList::remove(std::string_view name) {
    if (FieldId id = field_id(name); id != FieldId::other) return remove(id);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < size_; ++i) {
        if (data_[i].id == FieldId::other && equal_ignoring_case(data_[i].name, name)) continue;
        data_[kept++] = data_[i];
    }
    std::uint32_t removed = size_ - kept;
    size_ = kept;
    return removed;
}

std::uint32_t FieldList::remove(FieldId id) {
    if (!seen(id)) return 0;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < size_; ++i)
        if (data_[i].id != id) data_[kept++] = data_[i];
    std::uint32_t removed = size_ - kept;
    size_ = kept;
    seen_ &= ~(std::uint64_t{1} << static_cast<unsigned>(id));
    return removed;
}

void FieldList::erase(std::uint32_t index) {
    for (std::uint32_t i = index; i + 1 < size_; ++i) data_[i] = data_[i + 1];
    --size_;
}

const Field* FieldList::find(FieldId id) const {
    if (!seen(id)) return nullptr;
    for (std::uint32_t i = 0; i < size_; ++i)
        if (data_[i].id == id) return &data_[i];
    return nullptr;
}

const Field* FieldList::find(std::string_view name) const {
    if (FieldId id = field_id(name); id != FieldId::other) return find(id);
    for (std::uint32_t i = 0; i < size_; ++i)
        if (data_[i].id == FieldId::other && equal_ignoring_case(data_[i].name, name))
            return &data_[i];
    return nullptr;
}

bool connection_names_fields(const FieldList& fields) {
    if (!fields.seen(FieldId::connection)) return false;
    for (const auto& field : fields) {
        if (field.id != FieldId::connection) continue;
        if (!equal_ignoring_case(field.value, "close") &&
            !equal_ignoring_case(field.value, "keep-alive") &&
            !equal_ignoring_case(field.value, "upgrade"))
            return true;
    }
    return false;
}

bool named_by_connection(const FieldList& fields, const Field& field) {
    for (const auto& one : fields) {
        if (one.id != FieldId::connection) continue;
        auto rest = one.value;
        while (!rest.empty()) {
            auto comma = rest.find(',');
            auto token = rest.substr(0, comma);
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
            while (!token.empty() && (token.front() == ' ' || token.front() == '\t'))
                token.remove_prefix(1);
            while (!token.empty() && (token.back() == ' ' || token.back() == '\t'))
                token.remove_suffix(1);
            if (equal_ignoring_case(token, field.name)) return true;
        }
    }
    return false;
}

bool te_says_trailers(std::string_view value) {
    while (!value.empty()) {
        auto comma = std::min(value.find(','), value.size());
        auto token = value.substr(0, comma);
        value.remove_prefix(std::min(comma + 1, value.size()));
        while (token.starts_with(' ') || token.starts_with('\t')) token.remove_prefix(1);
        token = token.substr(0, token.find_first_of(" \t;"));
        if (equal_ignoring_case(token, "trailers")) return true;
    }
    return false;
}

Method method_of(std::string_view text) {
    for (const auto& known : method_names)
        if (known.text == text) return known.method;
    return Method::other;
}

bool is_idempotent(Method method) {
    switch (method) {
        case Method::get:
        case Method::head:
        case Method::put:
        case Method::del:
        case Method::options:
        case Method::trace:
        case Method::copy:
        case Method::move:
        case Method::mkcol:
        case Method::propfind:
        case Method::proppatch:
        case Method::unlock: return true;
        case Method::other:
        case Method::post:
        case Method::connect:
        case Method::patch:
        case Method::lock: return false;
    }
    return false;
}

}  // namespace weir::http
