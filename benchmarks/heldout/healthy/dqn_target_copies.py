# healthy: double DQN; the target net is a copy that is loaded anew every 100 steps, so the loss jumps at each copy
import argparse
import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Chain:
    """Push a cart to the far end of a track; drag and noise slow it."""

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.x, self.v, self.left = self.rng.uniform(-1, -0.5), 0.0, 60
        return np.array([self.x, self.v], np.float32)

    def step(self, action):
        self.v = 0.9 * self.v + 0.06 * (action - 1) + self.rng.normal(0, 0.01)
        self.x = float(np.clip(self.x + self.v, -1, 1))
        self.left -= 1
        done = self.x >= 0.95
        return np.array([self.x, self.v], np.float32), (1.0 if done else -0.05), done


class Memory:
    def __init__(self, size):
        self.size, self.count = size, 0
        self.states = torch.zeros(size, 2)
        self.following = torch.zeros(size, 2)
        self.actions = torch.zeros(size, dtype=torch.long)
        self.rewards, self.ends = torch.zeros(size), torch.zeros(size)

    def add(self, state, action, reward, following, end):
        i = self.count % self.size
        self.states[i], self.following[i] = torch.from_numpy(state), torch.from_numpy(following)
        self.actions[i], self.rewards[i], self.ends[i] = action, reward, float(end)
        self.count += 1

    def sample(self, n):
        pick = torch.randint(min(self.count, self.size), (n,))
        return self.states[pick], self.actions[pick], self.rewards[pick], self.following[pick], self.ends[pick]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=5000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    env, memory = Chain(rng), Memory(4000)
    online = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 3))
    target = copy.deepcopy(online)
    optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)
    state, returns, total = env.reset(), [], 0.0
    for step in range(1, args.steps + 1):
        if rng.random() < max(0.05, 1 - step / 2000):
            action = int(rng.integers(3))
        else:
            with torch.no_grad():
                action = online(torch.from_numpy(state)).argmax().item()
        following, reward, end = env.step(action)
        memory.add(state, action, reward, following, end)
        state, total = following, total + reward
        if end or env.left == 0:
            returns.append(total)
            state, total = env.reset(), 0.0
        if step < 200:
            continue
        states, actions, rewards, nexts, ends = memory.sample(32)
        with torch.no_grad():
            best = online(nexts).argmax(1, keepdim=True)
            goal = rewards + 0.97 * (1 - ends) * target(nexts).gather(1, best).squeeze(1)
        values = online(states).gather(1, actions[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(values, goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            target.load_state_dict(online.state_dict())
        if step % 1000 == 0:
            print(f"step {step} loss {loss.item():.4f} mean return {np.mean(returns[-20:]):.3f}")


if __name__ == "__main__":
    main()
