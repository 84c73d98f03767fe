// SPDX-License-Identifier: Apache-2.0
// Shared<T>: a group of settings that children inherit whole. Copying shares it, edit() makes it
// one's own first. 10,000 servers that change nothing hold one copy of each group, and the plan
// compiles each group once (it compares the pointers).
#pragma once

#include <memory>

namespace weir::ir {

template <class T>
class Shared {
public:
    const T& operator*() const { return held_ ? *held_ : built_in(); }
    const T* operator->() const { return &**this; }
    // Equal for two objects that share one group; usable as a key while either lives.
    [[nodiscard]] const T* identity() const { return &**this; }
    T& edit() {
        if (!held_ || held_.use_count() > 1) held_ = std::make_shared<T>(**this);
        return *held_;
    }

private:
    static const T& built_in() {
        static const T value{};
        return value;
    }
    std::shared_ptr<T> held_;
};

}  // namespace weir::ir
