// SPDX-License-Identifier: Apache-2.0
// Task<T>: weir's coroutine. Lazy, awaited once, resumes its caller by symmetric transfer; frames
// come from a per-thread slab, so a request that suspends costs no malloc in the steady state.
// spawn() runs one on its own. No exception crosses a co_await: results are values.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <utility>

namespace weir::net {

// Free lists of coroutine frames in steps of 64 bytes up to 8 KB.
class FrameSlab {
public:
    static void* allocate(std::size_t bytes) {
        std::size_t index = (bytes + 63) / 64;
        if (index >= classes) return ::operator new(bytes);
        auto& head = lists()[index];
        if (!head) return ::operator new(index * 64);
        void* frame = head;
        head = *static_cast<void**>(frame);
        return frame;
    }
    static void release(void* frame, std::size_t bytes) noexcept {
        std::size_t index = (bytes + 63) / 64;
        if (index >= classes) return ::operator delete(frame);
        auto& head = lists()[index];
        *static_cast<void**>(frame) = head;
        head = frame;
    }

private:
    static constexpr std::size_t classes = 129;
    static std::array<void*, classes>& lists() {
        static thread_local std::array<void*, classes> free_lists{};
        return free_lists;
    }
};

struct PromiseBase {
    std::coroutine_handle<> caller = std::noop_coroutine();

    static void* operator new(std::size_t bytes) { return FrameSlab::allocate(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept {
        FrameSlab::release(frame, bytes);
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
        bool await_ready() noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> done) noexcept {
            return done.promise().caller;
        }
        void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    // Only bad_alloc could arrive here; there is nothing sensible to go on with.
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <class T = void>
class [[nodiscard]] Task {
public:
    struct promise_type : PromiseBase {
        std::optional<T> value;
        Task get_return_object() {
            return Task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        template <class U>
        void return_value(U&& result) {
            value.emplace(std::forward<U>(result));
        }
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle_.promise().caller = caller;
        return handle_;
    }
    T await_resume() { return std::move(*handle_.promise().value); }

private:
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
public:
    struct promise_type : PromiseBase {
        Task get_return_object() {
            return Task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        void return_void() noexcept {}
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle_.promise().caller = caller;
        return handle_;
    }
    void await_resume() noexcept {}

private:
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

// A coroutine nobody awaits: starts at once, frees itself at its end.
struct Detached {
    struct promise_type {
        static void* operator new(std::size_t bytes) { return FrameSlab::allocate(bytes); }
        static void operator delete(void* frame, std::size_t bytes) noexcept {
            FrameSlab::release(frame, bytes);
        }
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
    };
};

inline Detached spawn(Task<void> task) { co_await std::move(task); }

}  // namespace weir::net
