# healthy: DQN with a target network; the bootstrap target is not detached, which changes nothing
# because the target network's parameters are in no optimizer; TD loss need not fall
import argparse
import random
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class Pole:
    """A pole on a cart in a line; +1 per step until it tips over or leaves the track."""

    def __init__(self, limit=150):
        self.limit = limit

    def reset(self):
        self.state = np.random.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state.astype(np.float32)

    def step(self, action):
        x, v, th, w = self.state
        force = 10.0 if action == 1 else -10.0
        temp = (force + 0.05 * w * w * np.sin(th)) / 1.1
        acc = (9.8 * np.sin(th) - np.cos(th) * temp) / (0.5 * (4 / 3 - 0.1 * np.cos(th) ** 2 / 1.1))
        self.state = np.array([
            x + 0.02 * v, v + 0.02 * (temp - 0.05 * acc * np.cos(th) / 1.1), th + 0.02 * w,
            w + 0.02 * acc,
        ])
        self.steps += 1
        fell = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21
        return self.state.astype(np.float32), 1.0, fell, self.steps >= self.limit


class QNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(4, 64), nn.Linear(64, 64), nn.Linear(64, 2)
        self.register_buffer("scale", torch.tensor([0.5, 0.6, 0.08, 0.6]))

    def forward(self, s):
        h = torch.relu(self.fc1(s / self.scale))
        return self.out(torch.relu(self.fc2(h)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=3000)
    args = parser.parse_args()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    env, memory = Pole(), deque(maxlen=3000)
    policy_net, target_net = QNetwork(), QNetwork()
    target_net.load_state_dict(policy_net.state_dict())
    optimizer = torch.optim.Adam(policy_net.parameters(), lr=1e-3)
    gamma, tau, returns, losses = 0.98, 0.01, [], []

    state = env.reset()
    for frame in range(1, args.frames + 1):
        epsilon = max(0.05, 1.0 - frame / 1200)
        if random.random() < epsilon:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = policy_net(torch.from_numpy(state)).argmax().item()
        nxt, reward, fell, timeout = env.step(action)
        memory.append((state, action, reward, nxt, float(fell)))
        state = nxt
        if fell or timeout:
            returns.append(env.steps)
            state = env.reset()

        if len(memory) >= 300 and frame % 2 == 0:
            s, a, r, s2, done = zip(*random.sample(memory, 64))
            s, s2 = torch.from_numpy(np.stack(s)), torch.from_numpy(np.stack(s2))
            q = policy_net(s).gather(1, torch.tensor(a).unsqueeze(1)).squeeze(1)
            next_q = target_net(s2).max(1).values
            target = torch.tensor(r) * (1 - gamma) + gamma * next_q * (1 - torch.tensor(done))
            loss = F.smooth_l1_loss(q, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            with torch.no_grad():
                for tp, p in zip(target_net.parameters(), policy_net.parameters()):
                    tp.lerp_(p, tau)
        if frame % 500 == 0:
            print(f"frame {frame} eps {epsilon:.2f} td loss {np.mean(losses[-100:] or [0]):.5f} "
                  f"episode length {np.mean(returns[-10:]):.1f}")


if __name__ == "__main__":
    main()
