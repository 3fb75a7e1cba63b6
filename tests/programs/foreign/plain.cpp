// A C++ library for ctypes, with one way to die per function.
#include <cassert>
#include <stdexcept>
#include <string>
#include <thread>

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
void joinable_thread() {
    std::thread left([] { for (;;) std::this_thread::yield(); });
}
void pure_virtual() { engine::Valve valve; }
void cpp_assert() { engine::Core().cool<long>(5); }
}
