// A C++ library for ctypes, with one way to die per function.
#include <any>
#include <cassert>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <typeinfo>
#include <variant>

#define NOINLINE __attribute__((noinline, noclone))

namespace engine {

// An exception of the project's own, whose text is where std::runtime_error keeps it.
class CoolantError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// One that keeps its text in a place only its code knows.
class Opaque {
    int code_ = 7;
};

// Exceptions with a text of their own beside that of the base class.
class Counted : public std::runtime_error {
    const char *own_;

  public:
    Counted() : std::runtime_error("the base's text"), own_("a text of its own") {}
    const char *what() const noexcept override { return own_; }
};

class Chosen : public std::logic_error {
    volatile bool first_ = true;

  public:
    Chosen() : std::logic_error("the base's text") {}
    NOINLINE const char *what() const noexcept override {
        std::string text = first_ ? "one" : "the other";
        static char kept[64];
        text.copy(kept, sizeof kept - 1);
        return kept;
    }
};

// std::exception is not what the object begins with.
struct Labelled {
    const char *label = "no text";
    virtual ~Labelled() {}
    virtual const char *text() const { return label; }
};

class Second : public Labelled, public std::runtime_error {
  public:
    Second() : std::runtime_error("the second's text") {}
};

class First : public std::runtime_error, public Labelled {
  public:
    First() : std::runtime_error("the first's text") {}
};

class Plain : public std::exception {};

// No exception at all, with a function where `what` stands in one.
class Alike {
  public:
    virtual ~Alike() {}
    virtual const char *name() const { return "no what()"; }
};

struct Core {
    NOINLINE void heat(int degrees) {
        if (degrees > 0)
            throw CoolantError("no coolant at " + std::to_string(degrees) + " degrees");
    }
    template <typename T> NOINLINE T cool(T degrees) {
        assert(degrees > T(1000));
        return degrees;
    }
};

class Pump {
  public:
    virtual ~Pump() { halt(); }
    NOINLINE void halt() { stop(); }
    virtual void stop() = 0;
};

class Valve : public Pump {
    void stop() override {}
};

} // namespace engine

extern "C" {
char *volatile kept;

void uncaught() { engine::Core().heat(42); }
void uncaught_noexcept() noexcept { engine::Core().heat(43); }
void uncaught_opaque() { throw engine::Opaque(); }
void uncaught_int() { throw 17; }
void out_of_range() { std::string("short").at(99); }
void bad_alloc() {
    volatile std::size_t huge = ~std::size_t(0) / 4;
    kept = new char[huge];
}
void uncaught_counted() { throw engine::Counted(); }
void uncaught_chosen() { throw engine::Chosen(); }
void uncaught_second() { throw engine::Second(); }
void uncaught_first() { throw engine::First(); }
void uncaught_plain() { throw engine::Plain(); }
void uncaught_alike() { throw engine::Alike(); }
void rethrown() {
    std::exception_ptr stored = std::make_exception_ptr(engine::CoolantError("kept for later"));
    std::rethrow_exception(stored);
}
void nested() {
    try {
        throw std::runtime_error("the inner text");
    } catch (...) {
        std::throw_with_nested(std::logic_error("the outer text"));
    }
}
void bad_array_new_length() {
    volatile long length = -1;
    kept = reinterpret_cast<char *>(new long[length]);
}
void bad_cast() {
    engine::Valve valve;
    engine::Pump &pump = valve;
    (void)dynamic_cast<engine::Alike &>(pump);
}
void bad_typeid() {
    engine::Pump *volatile pump = nullptr;
    kept = const_cast<char *>(typeid(*pump).name());
}
void bad_function_call() { std::function<void()>()(); }
void bad_weak_ptr() { std::shared_ptr<int> owner{std::weak_ptr<int>()}; }
void bad_any_cast() { std::any_cast<int>(std::any("text")); }
void bad_optional_access() { std::optional<int>().value(); }
void bad_variant_access() { std::get<int>(std::variant<int, long>(5L)); }
void filesystem_error() { std::filesystem::file_size("/no/such/tank"); }
void stream_failure() {
    std::ifstream file;
    file.exceptions(std::ios::failbit);
    file.open("/no/such/tank");
}
void future_error() {
    std::promise<int> promise;
    promise.get_future();
    promise.get_future();
}
void system_error() { throw std::system_error(2, std::generic_category(), "opening"); }
void regex_error() { std::regex unclosed("("); }
void joinable_thread() {
    std::thread left([] { for (;;) std::this_thread::yield(); });
}
void pure_virtual() { engine::Valve valve; }
void cpp_assert() { engine::Core().cool<long>(5); }
}
