// SPDX-License-Identifier: Apache-2.0
// Tables: the tables of the arena by purpose and name, which a reload and new generations of workers
// find again. Holds: what one worker keeps in entries of tables (a connection that is counted, an entry
// that is tracked), written down in shared memory so that the master can give it back for the dead.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/zone/table.hpp"

namespace weir::zone {

class Tables {
public:
    // Finds the directory of the arena, or makes it (master, first start).
    explicit Tables(SharedArena& arena);

    // Master only: makes the tables that `config` names and that are not there in this shape. One whose
    // definition changed takes over what fits. What a running plan uses stays. False: no room.
    bool prepare(const ir::Config& config);
    // Master only, when `config` goes live: its tables are those that a later change takes over from.
    void apply(const ir::Config& config);
    // Tables that lost their entries in the last prepare(), one line each, for the log.
    [[nodiscard]] const std::vector<std::string>& emptied() const { return emptied_; }
    // Null: never prepared, or a zone without columns (nginx upstream zone).
    [[nodiscard]] Table* find(const ir::Zone& zone);
    [[nodiscard]] Table* find_at(std::uint64_t offset);   // as offset_of() told
    // Master only: gives back what a dead worker held.
    void release_holds(std::uint32_t worker);

    // Of the own worker. See Holds.
    struct HoldRecord;
    [[nodiscard]] HoldRecord* hold_records(std::uint32_t worker) const;
    [[nodiscard]] std::uint32_t most_holds() const;
    [[nodiscard]] std::uint64_t offset_of(const Table& table) const;

private:
    struct Directory;
    struct Record;
    [[nodiscard]] Record& record(std::uint32_t index) const;
    void index_new();
    Table& view(std::uint32_t index);
    Record* add(const std::string& key, const Shape& shape);

    SharedArena* arena_;
    Directory* directory_;
    std::uint32_t indexed_ = 0;
    std::unordered_map<std::string, std::vector<std::uint32_t>> by_name_;
    std::deque<std::unique_ptr<Table>> views_;   // by record, made when asked for
    std::unordered_map<const Table*, std::uint64_t> offsets_;
    std::vector<std::string> emptied_;
};

// One per worker. A hold keeps an entry from going, and may count one in a cell as long as it lasts.
class Holds {
public:
    static constexpr std::uint32_t none = 0xffffffff, no_cell = 0xffffffff;
    Holds(Tables& tables, std::uint32_t worker);
    // Holds the entry (and adds one to the cell). none: too many holds.
    std::uint32_t take(Table& table, Access& entry, std::uint32_t cell = no_cell);
    // The entry again; false when it is gone (the table was cleared).
    Access entry(std::uint32_t hold);
    [[nodiscard]] Table* table(std::uint32_t hold) const;
    void give_back(std::uint32_t hold);

private:
    struct Mine {
        Table* table = nullptr;
        Position position;
        std::uint32_t cell = no_cell, next_free = none;
    };
    Tables* tables_;
    Tables::HoldRecord* records_;
    std::uint32_t most_ = 0, first_free_ = none;
    std::vector<Mine> mine_;
};

// A hold of a request, a session or a connection: gives itself back.
struct HoldNode {
    Holds* holds = nullptr;
    std::uint32_t hold = Holds::none;
    HoldNode* next = nullptr;
};

// The holds of one request or session; the nodes live in its arena (or longer).
class HoldList {
public:
    HoldList() = default;
    // A copy holds nothing: what was taken is given back once, by whoever took it.
    HoldList(const HoldList&) {}
    HoldList& operator=(const HoldList&) = delete;
    ~HoldList() { give_back(); }
    void add(HoldNode& node) {
        node.next = first_;
        first_ = &node;
    }
    void give_back() {
        for (auto* node = first_; node; node = node->next) node->holds->give_back(node->hold);
        first_ = nullptr;
    }

private:
    HoldNode* first_ = nullptr;
};

}  // namespace weir::zone
